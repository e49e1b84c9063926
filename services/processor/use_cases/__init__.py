"""What the processor does, one module for each kind of call."""
