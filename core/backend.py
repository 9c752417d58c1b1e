"""What a backend is: a `Params` type for each task and a `generate` that yields events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from core.code import Code
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
    """Names of the fields on which the price depends; empty where every image costs the same."""

    def problem(self) -> str:
        """Say why it is not ready and what to do, or return "" when it is."""
        ...

    def price(self, params: Params) -> float | None:
        """Return what one image costs in dollars: 0 when free, None when nobody knows; cheap."""
        ...

    def sent(self, params: Params) -> dict[str, Any]:
        """The request as it goes out, without key and image bytes; pure."""
        ...

    def generate(self, params: Params) -> AsyncIterator[Event]:
        """Make one image; the last event is `Finished`. Sends at most one costly request."""
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
    """A backend whose finished image lies at an address that can be asked again, for nothing."""

    def collect(self, params: Params, outputs: str, request_id: str | None) -> AsyncIterator[Event]:
        """Yield the events of a job whose image lies at `outputs`; sends nothing costly."""
        ...


BEFORE_DECODING: ContextVar[Callable[[], Awaitable[None]]] = ContextVar("before_decoding")
"""What the work on a job wants to be told before a file of it is decoded."""


async def before_decoding() -> None:
    """Say that a whole file is in hand and is decoded next; outside of a job nothing happens.

    A backend that decodes what it received calls this first. A file that brings the program down is
    known by it at the next start.
    """
    if told := BEFORE_DECODING.get(None):
        await told()


@dataclass(frozen=True, slots=True)
class Registration:
    """How a backend is added to the program."""

    settings: type[Settings]
    """Its settings: a class of their own beside the program's."""
    create: Callable[[Any], Any]
    """Builds the backend from them; None where it is not set up."""
    key: str = ""
    """The setting with its key, where visitors may enter a key of their own."""
    setup: str = ""
    """What else there is to do to have it, for README; a sentence without its full stop."""


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
class DeletesRequests(Protocol):
    """A backend whose service deletes, when asked, what it keeps of a request that has ended."""

    async def delete_request(self, request_id: str) -> None:
        """Delete a request and its image at the service; one that is gone there is fine.

        It may be asked again. Raises BackendError when the service did not do it.
        """
        ...


@runtime_checkable
class Suggesting(Protocol):
    """A backend that is good for some things only: it says for which, and offers prompts."""

    note: str
    """What it is and what it generates, in a sentence or two, shown wherever it is chosen."""
    prompts: Sequence[str]
    """Short prompts within what it can generate."""


@runtime_checkable
class Scripted(Protocol):
    """A backend that shows its own call as a program, which makes the same image."""

    def code(self, params: Params) -> Code:
        """Return the program for params whose seed is known; never a key in it."""
        ...


@runtime_checkable
class Priced(Protocol):
    """A backend that can ask its service what images cost and what is left to spend."""

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


@dataclass(frozen=True, slots=True)
class Observed:
    """One answer of a service beside what was expected; no address, key or prompt is in it."""

    step: str
    status: int
    """As HTTP has it; 0 where no answer came."""
    seconds: float
    departures: tuple[str, ...] = ()
    """A sentence for each way in which it is not as the backend expects."""


Heard = Callable[[Observed], None]


@runtime_checkable
class Observable(Protocol):
    """A backend that knows what its service should answer, and says where it answers otherwise."""

    def observe(self, heard: Heard) -> None:
        """Tell `heard` of every answer from now on."""
        ...

    async def look(self) -> Sequence[str]:
        """Ask what costs nothing, and return a sentence for each thing that was told.

        Raises AuthError when the service refuses the key, another error when it does not answer.
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
    """A backend that has to load a model before it can generate."""

    def readiness(self) -> Readiness:
        """Tell how far it is; cheap."""
        ...

    async def load(self) -> None:
        """Load the model, unless that is done or under way; returns when it is over.

        Raises nothing: `readiness` says what became of it.
        """
        ...


@runtime_checkable
class Lent(Protocol):
    """A backend that may work on a GPU which a Space lends: its time is the visitor's own."""

    def lent_s(self, params: Params) -> float | None:
        """Return the seconds that an image asks for, of the visitor's; None where none are lent."""
        ...


def lends(backend: Backend) -> bool:
    """Whether what an image takes of a backend is GPU time of the visitor's."""
    return any(lent_s(backend, kind.model_construct(prompt="")) for kind in backend.tasks.values())


def lent_s(backend: Backend, params: Params) -> float | None:
    """Return the seconds of a visitor's GPU time that an image asks for; None when it is none."""
    return backend.lent_s(params) if isinstance(backend, Lent) else None


def offered(backend: Backend) -> bool:
    """Whether somebody set the backend up, so that it belongs into menus."""
    return not isinstance(backend, Loadable) or backend.readiness().asked_for


def usual_price(backend: Backend, task: Task | None = None) -> float | None:
    """Return what an image costs with the defaults of the form, in dollars; None when unknown."""
    kind = backend.tasks[task] if task else next(iter(backend.tasks.values()))
    return backend.price(kind.model_construct(prompt=""))
