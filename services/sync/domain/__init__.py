"""Rules of syncing: pure, no I/O."""
