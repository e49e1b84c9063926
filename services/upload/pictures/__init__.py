"""Draws and writes avatars. What is read here are files that the processor has written, never what somebody sent: no sandbox is needed."""
