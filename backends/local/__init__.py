"""FLUX through diffusers on this machine: on its own GPU, or a small model on its CPU.

One model stays loaded, and one thread generates one image at a time. Loading begins when the
program has started and goes on in the background; what is missing is said in a sentence.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from backends.local import loading, source, space
from backends.local.durations import Durations
from backends.local.loading import Wish
from backends.local.model import Model, PaintingStoppedError
from backends.local.order import LEAST, MOST, SHAPES, UNIT, Order, size_of
from backends.local.script import script
from backends.local.source import LocalSettings, Source
from backends.local.space import Paint
from backends.local.worker import Worker, apart
from core import params as fields
from core.backend import Free, Readiness, Registration
from core.code import Code, source_file
from core.errors import BackendError, NotReadyError, PlaygroundError
from core.events import Borrowing, Event, Finished, Loading, Running
from core.params import ImageToImage, Params, Task, TextToImage
from core.words import english

log = logging.getLogger(__name__)

TOLD_S = 0.5
"""Seconds between two words on how the loading goes."""
ORDERED = {"prompt", "steps", "guidance", "seed", "variation_seed", "variation_strength"}
"""What every order says as it was asked for."""
LENT_BY = ("width", "height", "steps", "strength", "shape", "image")
"""Settings on which it depends how long an image takes."""
Load = Callable[[Source, Wish, Callable[[Readiness], None]], Model]


class LocalText(TextToImage):
    """What FLUX takes for an image from words."""

    width: int = fields.width(low=LEAST, high=MOST, multiple=UNIT)
    height: int = fields.height(low=LEAST, high=MOST, multiple=UNIT)
    steps: int = fields.steps()
    guidance: float = fields.guidance(3.5)
    variation_seed: int = fields.variation_seed()
    variation_strength: float = fields.variation_strength()


class LocalImage(ImageToImage):
    """What it takes for changing an image; the strength decides how many steps are run."""

    strength: float = fields.strength(low=0.05, counted=True)
    steps: int = fields.steps()
    guidance: float = fields.guidance(3.5)
    variation_seed: int = fields.variation_seed()
    variation_strength: float = fields.variation_strength()
    shape: Literal["as the image", "1:1", "4:3", "3:4", "16:9", "9:16"] = fields.shape(
        "as the image"
    )
    fit: Literal["crop", "pad"] = fields.fit("crop")

    def result_size(self) -> tuple[int, int]:
        """Return the size of the shape, or that of the image brought within limits."""
        return size_of(self.shape, (self.image.width, self.image.height))


class Local(Free):
    """A FLUX pipeline in diffusers layout, run by one thread."""

    id = "local"
    label = "Local"
    max_concurrency = 1
    tasks: Mapping[Task, type[Params]] = {"text-to-image": LocalText, "image-to-image": LocalImage}

    def __init__(
        self, where: Source, wish: Wish, look: Callable[[], Readiness], load: Load = loading.load
    ) -> None:
        """`look` tells whether there is something that can be loaded, `load` does it."""
        self._source, self._wish, self._look, self._load = where, wish, look, load
        self._model: Model | None = None
        self._paint: Paint | None = None
        self._readiness: Readiness | None = None
        self._loading: asyncio.Task[None] | None = None
        self._worker = Worker("local")
        self._durations = Durations() if space.is_zero_gpu() else None
        """Where each image borrows a GPU: how long one takes."""
        if self._durations:
            self.priced_by = LENT_BY
        self._stops: set[threading.Event] = set()

    def readiness(self) -> Readiness:
        """How far it is; what is missing is looked at again each time, for it may be mended."""
        if self._readiness and self._readiness.stage in ("loading", "warming", "ready", "error"):
            return self._readiness
        return self._look()

    def problem(self) -> str:
        """Say what keeps it from generating; a model that is being loaded is no problem."""
        readiness = self.readiness()
        return "" if readiness.usable else readiness.sentence

    async def load(self) -> None:
        """Load the model in the background thread; calls while that goes on wait for it."""
        if self._model:
            return
        if self._loading is None or self._loading.done():
            self._readiness = None
            self._loading = asyncio.create_task(self._loaded())
        await asyncio.shield(self._loading)

    async def _loaded(self) -> None:
        readiness = await asyncio.to_thread(self.readiness)
        if not readiness.usable:
            return
        self._readiness = Readiness("loading", english("local-loading-begins"))
        work = functools.partial(self._load, self._source, self._wish, self._tell)
        try:
            model = await self._worker.run(work)
        except PlaygroundError as error:
            self._readiness = Readiness("error", f"{error} {error.advice}".strip())
        except Exception as error:
            log.exception("the local model could not be loaded")
            said = english("local-model-could-not-loaded-log", name=type(error).__name__)
            self._readiness = Readiness("error", said)
        else:
            self._model, self._paint = model, model.paint
            if self._durations:
                gpu = importlib.import_module("spaces").GPU
                self._paint = space.Lent(model.paint, gpu, self._durations)
            self._readiness = Readiness("ready", f"{self._source.name}: {model.plan.why}")

    def _tell(self, readiness: Readiness) -> None:
        self._readiness = readiness

    def lent_s(self, params: Params) -> float | None:
        """On a ZeroGPU Space, return the seconds of GPU time that an image asks the visitor for."""
        if self._durations is None:
            return None
        return self._durations.seconds(order_of(params, with_image=False)) * space.factor()

    def sent(self, params: Params) -> dict[str, Any]:
        """What is generated: the model, the size and the steps that are really run."""
        order = order_of(params, with_image=False)
        shown = params.model_dump(mode="json", exclude={"image"} | params.idle)
        if params.picture:
            shown["image"] = params.picture.describe()
        size = {"width": order.size[0], "height": order.size[1]}
        told = self._model.describe() if self._model else {}
        return {"model": self._source.name, **shown, **size, "steps_run": _run(params), **told}

    def code(self, params: Params) -> Code:
        """A script of diffusers; a folder of this machine is called by its name alone."""
        source, file = self._source, source_file(params)
        model = source.folder.name if source.folder else source.model
        device = "cuda" if self._model and self._model.device == "cuda" else "cpu"
        order = order_of(params, with_image=bool(file))
        text = script(order, model=model, transformer=source.transformer, device=device, file=file)
        return Code("diffusers", text)

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        """Wait for the model, then yield every step and now and then a preview."""
        async for event in self._until_loaded():
            yield event
        if self._paint is None:
            raise NotReadyError(english("local-local-model-not-ready"), advice=self.problem())
        box: asyncio.Queue[Event | None] = asyncio.Queue()
        stop = threading.Event()
        self._stops.add(stop)
        loop = asyncio.get_running_loop()

        def tell(event: Event) -> None:
            loop.call_soon_threadsafe(box.put_nowait, event)

        work = functools.partial(_painted, self._paint, order_of(params), tell, stop)
        # Nobody can be kept from waiting for a GPU that is lent; who comes next must not wait too.
        painting = apart(work, "lent GPU") if self._durations else self._worker.run(work)
        painting.add_done_callback(lambda _done: box.put_nowait(None))
        try:
            yield Borrowing() if self._durations else Running()
            while (found := await box.get()) is not None:
                yield found
                if isinstance(found, Finished):
                    return
            await painting  # it ended without an image: this raises what happened
        finally:
            stop.set()
            self._stops.discard(stop)
            painting.add_done_callback(_heard)

    async def _until_loaded(self) -> AsyncIterator[Event]:
        """Yield how the loading goes until it is over."""
        if self._model:
            return
        work = asyncio.ensure_future(self.load())
        while not work.done():
            yield Loading(self.readiness().fraction)
            await asyncio.wait([work], timeout=TOLD_S)

    async def aclose(self) -> None:
        """Stop what is generated within a step and let the model go."""
        for stop in self._stops:
            stop.set()
        if self._loading:
            self._loading.cancel()
        self._worker.close()
        self._model = self._paint = None


def order_of(params: Params, *, with_image: bool = True) -> Order:
    """Turn params into what is generated."""
    wish = params.model_dump(include=ORDERED)
    if isinstance(params, LocalImage):
        picture = params.picture  # none yet, where a form only asks what it will take
        given = (picture.width, picture.height) if picture else SHAPES["1:1"]
        size = size_of(params.shape, given)
        data = picture.data if picture and with_image else b""
        return Order(size=size, strength=params.strength, image=data, fit=params.fit, **wish)
    if isinstance(params, LocalText):
        return Order(size=(params.width, params.height), **wish)
    raise TypeError(f"not params of this backend: {params!r}")


def _run(params: Params) -> int:
    return order_of(params, with_image=False).steps_run


def _painted(
    paint: Paint, order: Order, tell: Callable[[Event], None], stop: threading.Event
) -> None:
    """Generate in the thread; what nobody waits for any more is not begun."""
    if stop.is_set():
        return
    try:
        paint(order, tell, stop.is_set)
    except PaintingStoppedError:
        return
    except PlaygroundError:
        raise
    except Exception as error:
        log.exception("the local model failed")
        raise BackendError(
            english("local-local-model-failed", name=type(error).__name__),
            advice=english("local-log-has-more-try-other"),
        ) from error


def _heard(done: asyncio.Future[None]) -> None:
    """Take notice of how abandoned work ended, so that nobody is told it was ignored."""
    if not done.cancelled():
        done.exception()


def create(settings: LocalSettings) -> Local:
    """Build it; nothing is loaded before it is asked for."""
    where = Source.of(settings)
    token = settings.hf_token.get_secret_value() if settings.hf_token else None
    wish = Wish(settings.local_quant, settings.local_speed, token)

    def look() -> Readiness:
        found = source.missing() or source.examine(where, accepted=settings.srpo_accept_license)
        # Visitors of a Space cannot accept a licence: they are not shown what that would bring.
        hidden = found.stage == "licence" and os.environ.get("SYSTEM") == "spaces"
        return replace(found, asked_for=bool(where.model) and not hidden)

    return Local(where, wish, look)


SETUP = "Install the packages below and set `LOCAL_MODEL`"
REGISTRATION = Registration(LocalSettings, create, setup=SETUP)
