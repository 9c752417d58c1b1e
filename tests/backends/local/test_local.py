"""The local backend around its model: states, progress, cancel and errors, with a model of sleep.

What the real one does is in test_local_painting.py, which needs torch.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from backends import Settings
from backends.local import Local, create, order_of
from backends.local.loading import Wish
from backends.local.source import Source, examine
from core.backend import Loadable, Readiness
from core.errors import BackendError, InputError, NotReadyError
from core.events import Event, Finished, Loading, Running
from core.parsing import parse
from tests.backends.local.slow_model import STEP_S, Loader, Slow
from tests.backends.local.test_local_source import pipeline
from tests.backends.services import events, given, params_of
from tests.conftest import Studios

pytestmark = pytest.mark.anyio
VARIED: Any = {"variation_seed": 8, "variation_strength": 0.3}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return pipeline(tmp_path / "tiny")


def local(folder: Path, loader: Loader | None = None, *, complete: bool = True) -> Local:
    where = Source(str(folder))
    bare = Readiness("not installed", "Install torch.")
    look = lambda: examine(where, accepted=False) if complete else bare  # noqa: E731
    made = Local(where, Wish(), look, loader or Loader())
    assert isinstance(made, Loadable)
    return made


async def test_a_model_is_loaded_once_in_the_background(folder: Path) -> None:
    """States follow each other; the page is never kept waiting."""
    loader = Loader()
    loader.go.clear()
    backend = local(folder, loader)
    assert backend.readiness().stage == "not loaded"
    assert backend.problem() == ""
    work = [asyncio.create_task(backend.load()) for _ in range(3)]
    while backend.readiness().stage != "loading" or backend.readiness().fraction is None:
        await asyncio.sleep(0.01)
    assert (backend.readiness().fraction, backend.problem()) == (0.25, "")
    loader.go.set()
    await asyncio.gather(*work)
    assert (backend.readiness().stage, loader.loads) == ("ready", 1)
    assert backend.readiness().sentence == f"tiny: {Slow.plan.why}"
    await backend.aclose()


@pytest.mark.slow
async def test_a_job_waits_for_the_model_and_sees_how_it_loads(folder: Path) -> None:
    """First the loading with its share, then steps, then one image."""
    loader = Loader()
    loader.go.clear()
    backend = local(folder, loader)
    seen: list[Event] = []
    async with aclosing(backend.generate(params_of(backend, "text-to-image", steps=3))) as stream:
        async for event in stream:
            seen.append(event)
            if isinstance(event, Loading) and event.fraction:
                loader.go.set()
    assert any(isinstance(event, Loading) and event.fraction == 0.25 for event in seen)
    steps = [event.step for event in seen if isinstance(event, Running) and event.step]
    assert steps == [1, 2, 3]
    assert isinstance(seen[-1], Finished)
    await backend.aclose()


async def test_what_is_missing_is_said_before_a_job_is_taken(
    folder: Path, tmp_path: Path, studios: Studios
) -> None:
    """No packages, no folder: refused with the sentence, and the rest goes on."""
    bare = local(folder, complete=False)
    assert bare.problem() == "Install torch."
    lost = local(tmp_path / "nothing")
    studio = await studios.open(lost)
    kind = studio.kind("local", "text-to-image")
    with pytest.raises(NotReadyError) as caught:
        await studio.submit("local", parse(kind, {"prompt": "x"}), owner="ann")
    assert "There is no folder" in caught.value.advice
    # What is mended is noticed without a restart.
    pipeline(tmp_path / "nothing")
    assert lost.problem() == ""
    await studio.aclose()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NotReadyError("A GPU has 5.8 GB free.", advice="Free some of it."), "5.8 GB free. Free"),
        (ValueError("/home/ann/secret"), "could not be loaded: ValueError. The log has more."),
    ],
)
async def test_a_failed_load_is_told_and_can_be_tried_again(
    folder: Path, error: Exception, words: str
) -> None:
    """The sentence stands until the next try; nothing of the inside is shown."""
    loader = Loader(error)
    backend = local(folder, loader)
    await backend.load()
    assert backend.readiness().stage == "error"
    assert words in backend.problem()
    assert "ann" not in backend.problem()
    loader.error = None
    await backend.load()
    assert backend.problem() == ""
    await backend.aclose()


async def test_cancel_frees_the_worker_within_a_step(folder: Path) -> None:
    """What was cancelled stops at its step, what only waited is never begun, the next one runs."""
    loader = Loader()
    backend = local(folder, loader)
    await backend.load()
    long = params_of(backend, "text-to-image", steps=50)
    stream = backend.generate(long)
    async for event in stream:
        if isinstance(event, Running) and event.step == 2:
            break
    behind = asyncio.create_task(events(backend.generate(long)))
    await asyncio.sleep(0.01)
    behind.cancel()
    began, before = time.perf_counter(), loader.model.steps
    await stream.aclose()
    done = await events(backend.generate(params_of(backend, "text-to-image", steps=1)))
    assert isinstance(done[-1], Finished)
    assert loader.model.steps <= before + 3
    assert time.perf_counter() - began < 3 * STEP_S + 1
    assert [order.steps for order in loader.model.painted] == [1]
    await backend.aclose()


async def test_a_fault_of_the_model_is_one_sentence(folder: Path) -> None:
    """The kind of the error, no stack trace, and the next image is made."""
    backend = local(folder)
    with pytest.raises(BackendError) as caught:
        await events(backend.generate(params_of(backend, "text-to-image", prompt="break it")))
    assert str(caught.value) == "The local model failed: RuntimeError."
    assert caught.value.charged == "no"
    done = await events(backend.generate(params_of(backend, "text-to-image", steps=1)))
    assert isinstance(done[-1], Finished)
    await backend.aclose()


async def test_what_was_really_done_is_in_the_entry(folder: Path, studios: Studios) -> None:
    """Steps that were run, speed and what was only known at the end are kept with the image."""
    studio = await studios.open(local(folder))
    kind = studio.kind("local", "image-to-image")
    wish = {"prompt": "x", "image": given(), "strength": 0.5, "steps": 5, "shape": "4:3"}
    job = await studio.submit("local", parse(kind, wish), owner="ann")
    done = await studio.result(job.id, owner="ann")
    assert done.entry is not None
    sent = done.entry.sent
    assert (sent["steps_run"], sent["speed"], sent["cache"]) == (3, "exact", "none")
    assert (sent["width"], sent["height"], sent["model"]) == (1152, 864, "tiny")
    assert done.entry.model == "tiny"
    await studio.aclose()


@pytest.mark.parametrize(
    ("task", "values", "words"),
    [
        ("text-to-image", {"width": 100}, "a multiple of 16 from 64 to 1536"),
        ("text-to-image", {"width": 3000, "height": 3000}, "from 64 to 1536"),
        ("image-to-image", {"strength": 0}, "from 0.05 to 1"),
        ("image-to-image", {"fit": "squash"}, "must be one of crop, pad"),
    ],
)
def test_values_that_flux_cannot_take_are_refused_at_their_field(
    task: Any, values: dict[str, Any], words: str
) -> None:
    """Nothing is rounded silently."""
    kind = create(Settings()).tasks[task]
    with pytest.raises(InputError, match=words) as caught:
        parse(
            kind,
            {"prompt": "x", "image": given(), **values}
            if task[0] == "i"
            else {"prompt": "x", **values},
        )
    assert caught.value.field == next(iter(values))
    assert caught.value.advice


def test_the_order_carries_everything_that_is_asked_for() -> None:
    """Nothing that the form offers is dropped on the way."""
    backend = create(Settings())
    wish = params_of(
        backend, "image-to-image", strength=0.4, shape="1:1", fit="pad", steps=9, **VARIED
    )
    order = order_of(wish)
    assert (order.variation_seed, order.variation_strength) == (8, 0.3)
    assert (order.prompt, order.seed, order.steps) == (wish.prompt, wish.known_seed, 9)
    assert (order.strength, order.size, order.fit) == (0.4, (1024, 1024), "pad")
    assert order.image == wish.picture.data if wish.picture else False
    names = set(backend.tasks["image-to-image"].model_fields)
    known = {"prompt", "image", "seed", "strength", "steps", "guidance", "shape", "fit", *VARIED}
    assert names == known
