"""Facebook Pages: consent for several Pages at once, a Page's own token, pictures by the Graph API.

Facts from Meta's documentation and its own client library as of June 2026. Apps may change the pictures of Pages only; a person's own
profile (`facebook_profile.py`) has no such call. Answers to writes prove little, so what a Page shows is read back.
"""

from services.sync.platforms.facebook.adapter import build

__all__ = ["build"]
