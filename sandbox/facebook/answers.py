"""Says how Facebook can be made to misbehave, and what Pages may use."""

from pydantic import Field

from sandbox.graph import GraphSwitches
from sandbox.kit.limits import Limit

# 4,800 calls a day for everybody who is engaged there; nobody but us is here.
PAGE_LIMIT = Limit("pages", 4800, 24 * 3600)


class FacebookSwitches(GraphSwitches):
    no_email: bool = Field(default=False, description="Tell no e-mail address")
    foreign_app: bool = Field(default=False, description="Say of every token that another app got it")
    no_cache_key: bool = Field(default=False, description="Tell of a picture no cache_key")
    forget_photos: bool = Field(default=False, description="Forget an uploaded photo before it can be made the cover")
