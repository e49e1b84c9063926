"""What the upload service does, one function a use case."""
