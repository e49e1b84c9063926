"""Mastodon and the servers that speak its API.

The adapter is in `adapter`; `terms` reads what a server says of itself, and how the kinds of servers differ.
"""

from services.sync.platforms.mastodon.adapter import build

__all__ = ["build"]
