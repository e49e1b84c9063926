"""The error that the sandbox raises to whoever starts it."""


class SandboxError(Exception):
    """Says what keeps the sandbox from running, where, and what to do about it."""
