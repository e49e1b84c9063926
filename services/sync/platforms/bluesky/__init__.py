"""Bluesky and other AT Protocol servers: OAuth with pushed requests and DPoP, pictures as blobs in the profile record.

Facts from the protocol's specifications and reference implementation as of August 2026, and from running servers.
"""

from services.sync.platforms.bluesky.adapter import build

__all__ = ["build"]
