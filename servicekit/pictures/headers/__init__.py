"""Readers of picture headers, one a format: pure Python over a mapped file, no decoder, every loop bounded."""
