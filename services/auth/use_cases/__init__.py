"""What the auth service does, one function a use case."""
