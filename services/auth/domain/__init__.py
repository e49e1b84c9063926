"""Rules of signing in: pure, no I/O."""
