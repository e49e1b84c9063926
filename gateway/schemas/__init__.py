"""The JSON that clients send and get: one module a subject, each model made from its protobuf message by `of`."""
