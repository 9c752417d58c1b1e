"""What a backend is: a `Params` type for each task and a `generate` that yields events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from core.events import Event
from core.params import Params, Task
from core.settings import Settings


class Backend(Protocol):
    """A way to make images. `backends/` holds them; the studio drives them."""

    id: str
    label: str
    key_setting: str
    """The environment variable with its key; "" where it has none."""
    sandbox: bool
    """True when it talks to our own stand-in: free, and marked so everywhere."""
    paid: bool
    """True when a job that was accepted costs money, so cancelling no longer saves any."""
    max_concurrency: int
    """Jobs in flight at once; the rest wait in the studio."""
    max_per_minute: int | None
    """Sends in a minute; None where the service sets no such limit."""
    max_unanswered: int | None
    """Sends that may be without an answer at once: 1 where two lost ones could not be told apart in
    the service's list, None for no limit."""
    kept_s: float
    """How long the service keeps a result, in seconds."""
    tasks: Mapping[Task, type[Params]]
    priced_by: Sequence[str]
    """Names of the fields on which the price depends; empty where every picture costs the same."""

    def problem(self) -> str:
        """Say why it is not ready and what to do, or return "" when it is."""
        ...

    def price(self, params: Params) -> float | None:
        """Return what one picture costs in dollars: 0 when free, None when nobody knows; cheap."""
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


class Free:
    """What the backends have in common that run on the operator's own machines: nobody bills."""

    key_setting = ""
    sandbox = False
    paid = False
    priced_by: Sequence[str] = ()
    max_per_minute: int | None = None
    max_unanswered: int | None = None
    kept_s = 0.0

    def price(self, params: Params) -> float | None:
        """Nothing."""
        return 0.0


@runtime_checkable
class Resumable(Protocol):
    """A backend whose accepted jobs can be picked up again by their request id."""

    def resume(self, params: Params, request_id: str) -> AsyncIterator[Event]:
        """Yield the events of a job that was accepted earlier; sends nothing costly."""
        ...


@runtime_checkable
class Collectable(Protocol):
    """A backend whose finished picture lies at an address that can be asked again, for nothing."""

    def collect(self, params: Params, outputs: str, request_id: str | None) -> AsyncIterator[Event]:
        """Yield the events of a job whose picture lies at `outputs`; sends nothing costly."""
        ...


@dataclass(frozen=True, slots=True)
class Registration:
    """How a backend is added to the program."""

    settings: type[Settings]
    """Its settings: a class of their own beside the program's."""
    create: Callable[[Any], Any]
    """Builds the backend from them; None where it is not set up."""
    key: str = ""
    """The setting with its key, where visitors may enter a key of their own."""


@dataclass(frozen=True, slots=True)
class Found:
    """A job in a service's own list; `at` is when it was accepted, in this machine's Unix time."""

    request_id: str
    at: float


@runtime_checkable
class ListsJobs(Protocol):
    """A backend that lists what its service accepted, so that a lost answer can be looked up."""

    async def accepted(self, params: Params, since: float) -> tuple[Sequence[Found], float]:
        """Return the jobs of this params' endpoint accepted after `since`, in Unix seconds.

        The second value is how far, in seconds, their times may be off.
        """
        ...


@runtime_checkable
class Cancellable(Protocol):
    """A backend whose service lets go of a request that waits in the service's own queue."""

    async def cancel(self, params: Params, request_id: str) -> bool:
        """Take a request back; True only when it certainly never begins, so that it is not charged.

        Raises nothing: what cannot be learned is no.
        """
        ...


@runtime_checkable
class Suggesting(Protocol):
    """A backend that is good for some things only: it says for which, and offers prompts."""

    note: str
    """What it is and what it paints, in a sentence or two, shown wherever it is chosen."""
    prompts: Sequence[str]
    """Short prompts within what it can paint."""


@runtime_checkable
class Priced(Protocol):
    """A backend that can ask its service what pictures cost and what is left to spend."""

    balance_usd: float | None
    """What the account has left, as last heard; None when that is not known."""

    async def refresh(self) -> None:
        """Ask for price and balance; a failure changes nothing."""
        ...


@runtime_checkable
class Checkable(Protocol):
    """A backend that can ask its service, for nothing, whether it takes the key."""

    async def check(self) -> float | None:
        """Return what the account has left, if that is told.

        Raises AuthError when the service refuses the key, another error when it cannot tell.
        """
        ...


Stage = Literal[
    "not installed", "no model", "licence", "loading", "warming", "ready", "error", "not loaded"
]


@dataclass(frozen=True, slots=True)
class Readiness:
    """How far a backend is that loads a model: a sentence for people, and 0..1 while it loads."""

    stage: Stage
    sentence: str = ""
    fraction: float | None = None
    asked_for: bool = True
    """False when nobody has set it up: that it is not ready is no fault then."""

    @property
    def usable(self) -> bool:
        """Whether a job can be taken, even if it has to wait for the rest."""
        return self.stage in ("not loaded", "loading", "warming", "ready")


@runtime_checkable
class Loadable(Protocol):
    """A backend that has to load a model before it can paint."""

    def readiness(self) -> Readiness:
        """Tell how far it is; cheap."""
        ...

    async def load(self) -> None:
        """Load the model, unless that is done or under way; returns when it is over.

        Raises nothing: `readiness` says what became of it.
        """
        ...


def offered(backend: Backend) -> bool:
    """Whether somebody set the backend up, so that it belongs into menus."""
    return not isinstance(backend, Loadable) or backend.readiness().asked_for


def usual_price(backend: Backend, task: Task | None = None) -> float | None:
    """Return what an image costs with the defaults of the form, in dollars; None when unknown."""
    kind = backend.tasks[task] if task else next(iter(backend.tasks.values()))
    return backend.price(kind.model_construct(prompt=""))
