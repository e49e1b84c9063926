"""What people are told, and when. Pure: no I/O."""
