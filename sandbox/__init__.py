"""The remote services' protocols, spoken by a small server with a painter behind it."""

from sandbox.options import Options
from sandbox.server import create_app

__all__ = ["Options", "create_app"]
