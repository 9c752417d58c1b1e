"""Who asks: whose the work is, where limits count it, and whether it is one who runs the place."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

STRANGER = "stranger:"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request; `owner` is in whose name everything is asked, made and kept."""

    owner: str
    address: str = ""
    """Network address, for limits alone: it never says who somebody is."""
    admin: bool = False
    """May see everybody's sums and the account's balance, and resume a stopped queue."""

    @property
    def stranger(self) -> bool:
        """Whether this owner exists for one request only."""
        return self.owner.startswith(STRANGER)


def stranger(address: str = "") -> Caller:
    """Return a caller of whom nothing is known: an owner that no later request can be."""
    return Caller(STRANGER + secrets.token_hex(16), address)
