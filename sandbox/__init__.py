"""Stand-ins for platforms and sign-in providers, speaking their real wire formats; for development and tests only.

`Sandbox` runs all of them on loopback, each on an origin of its own. The constants below are what an operator would
copy from a platform's developer portal.
"""

from sandbox.app import Sandbox
from sandbox.bluesky import BLUESKY_APP_PASSWORDS
from sandbox.errors import SandboxError
from sandbox.x import X_CONSUMER_KEY, X_CONSUMER_SECRET

__all__ = ["BLUESKY_APP_PASSWORDS", "X_CONSUMER_KEY", "X_CONSUMER_SECRET", "Sandbox", "SandboxError"]
