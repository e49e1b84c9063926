"""Rules of the library of pictures. Pure: no I/O."""
