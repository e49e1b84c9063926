"""What the sync service does, one function a use case."""
