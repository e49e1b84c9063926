"""Lists the stand-ins. Adding a platform to the sandbox is one module and one line here."""

from collections.abc import Callable, Mapping

from sandbox import bluesky, mastodon, x
from sandbox.kit.platform import Context, Platform

# In the order of their ports: the first listens one above the index page.
BUILDERS: Mapping[str, Callable[[Context], Platform]] = {
    "x": x.build,
    "mastodon": mastodon.build,
    "bluesky": bluesky.build,
}
