"""Both remote services' protocols, spoken by a small server with a painter behind it."""

from backends.sandbox.options import Options
from backends.sandbox.server import create_app

__all__ = ["Options", "create_app"]
