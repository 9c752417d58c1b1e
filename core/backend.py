"""What a backend is: a `Params` type for each task and a `generate` that yields events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol, runtime_checkable

from core.events import Event
from core.params import Params, Task


class Backend(Protocol):
    """A way to make images. `backends/` holds them; the studio drives them."""

    id: str
    label: str
    sandbox: bool
    """True when it talks to our own stand-in: free, and marked so everywhere."""
    paid: bool
    """True when a job that was accepted costs money, so cancelling no longer saves any."""
    price_usd: float
    """Price of one picture; 0 when free."""
    max_concurrency: int
    """Jobs in flight at once; the rest wait in the studio."""
    tasks: Mapping[Task, type[Params]]

    def problem(self) -> str:
        """Say why it is not ready and what to do, or return "" when it is."""
        ...

    def sent(self, params: Params) -> dict[str, Any]:
        """The request as it goes out, without key and picture bytes; pure."""
        ...

    def generate(self, params: Params) -> AsyncIterator[Event]:
        """Make one picture; the last event is `Finished`. Sends at most one costly request."""
        ...

    async def aclose(self) -> None:
        """Release connections, threads and models."""
        ...


@runtime_checkable
class Resumable(Protocol):
    """A backend whose accepted jobs can be picked up again by their request id."""

    def resume(self, params: Params, request_id: str) -> AsyncIterator[Event]:
        """Yield the events of a job that was accepted earlier; sends nothing costly."""
        ...
