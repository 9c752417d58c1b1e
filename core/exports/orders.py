"""What is to be downloaded, kept under a name nobody can guess until the browser fetches it.

A selection of thousands does not fit into an address, so the address names an order; orders are
in memory alone, and gone after a while or at a restart.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from core.exports.image import Wish

KEPT_S = 3600.0
MOST = 200
"""Orders at once; each names at most some megabytes of ids."""
MOST_OF_ONE = 10
"""Orders of one owner; an older one gives way."""


@dataclass(frozen=True, slots=True)
class Order:
    """Whose images, which, as what and how."""

    owner: str
    ids: tuple[str, ...]
    kind: str
    wish: Wish
    title: str = ""
    placed_at: float = 0.0


@dataclass(slots=True)
class Orders:
    """Keeps orders by name; `now` is a clock in seconds."""

    now: Callable[[], float] = time.monotonic
    _kept: dict[str, Order] = field(default_factory=dict)

    def place(self, order: Order) -> str:
        """Keep an order and return the name under which it is fetched."""
        self._forget()
        own = [name for name, one in self._kept.items() if one.owner == order.owner]
        for name in own[: max(0, len(own) - MOST_OF_ONE + 1)]:
            del self._kept[name]
        for name in [*self._kept][: max(0, len(self._kept) - MOST + 1)]:
            del self._kept[name]
        name = secrets.token_urlsafe(24)
        self._kept[name] = replace(order, placed_at=self.now())
        return name

    def find(self, name: str) -> Order | None:
        """Return an order; None when there is none of that name, or none any more."""
        self._forget()
        return self._kept.get(name)

    def _forget(self) -> None:
        limit = self.now() - KEPT_S
        for name in [name for name, one in self._kept.items() if one.placed_at < limit]:
            del self._kept[name]
