"""A GPU that a Space lends: a real process of its own for each image, known visitors, ends.

The package `spaces` is stood for by `tests/zero_scheduler.py`. What a real pipeline does there is
in tests/end_to_end/test_zero.py, which needs torch.
"""

from __future__ import annotations

import contextvars
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gradio.context import LocalContext

from backends.local import Local, create, space
from backends.local.durations import ROOM, Durations, Timing
from backends.local.loading import Wish
from backends.local.order import Order
from backends.local.plan import FULL_GB, Machine, choose
from backends.local.source import LocalSettings, Source
from backends.local.worker import apart
from core.backend import Readiness, lent_s, offered
from core.errors import (
    BackendError,
    NotReadyError,
    OverQuotaError,
    RateLimitError,
    RejectedError,
    UnavailableError,
)
from core.events import Event, Finished, Preview, Running
from tests import zero_scheduler
from tests.backends.local.slow_model import Loader, Slow
from tests.backends.services import events, params_of
from tests.end_to_end.program import ROOT

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
ORDER = Order("whole", (64, 64), 3, 3.5, 1)


class Model(Slow):
    """Says in which process it works; breaks or stays away when it is told so."""

    def paint(
        self, order: Order, tell: Callable[[Event], None], stopped: Callable[[], bool]
    ) -> None:
        tell(Preview(str(os.getpid()).encode()))
        if "refuse" in order.prompt:
            raise BackendError("The memory is too small.", advice="Choose a smaller size.")
        if "stay" in order.prompt:
            time.sleep(30)
        super().paint(order, tell, stopped)


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZERO_LOG", str(tmp_path / "zero.log"))
    monkeypatch.setattr(zero_scheduler, "SCHEDULER", zero_scheduler.Scheduler())
    return tmp_path / "zero.log"


@pytest.fixture
def lent(log: Path) -> Iterator[space.Lent]:
    made = space.Lent(Model().paint, zero_scheduler.GPU)
    yield made
    for line in zero_scheduler.lines(log, "scheduled"):
        try:
            os.kill(line["pid"], signal.SIGKILL)
        except ProcessLookupError:
            continue


def made(
    lent: space.Lent, order: Order, stopped: Callable[[list[Event]], bool] = lambda _told: False
) -> list[Event]:
    told: list[Event] = []
    lent(order, told.append, lambda: stopped(told))
    return told


def test_an_image_is_made_in_a_process_of_its_own(lent: space.Lent, log: Path) -> None:
    """Steps, previews and the image come back from there, in their order; the process is kept."""
    told = made(lent, ORDER)
    kinds = [type(event) for event in told]
    assert kinds == [Running, Preview, Running, Running, Running, Finished]
    assert [event.step for event in told if isinstance(event, Running)] == [None, 1, 2, 3]
    assert isinstance(told[1], Preview)
    assert int(told[1].image) != os.getpid()
    again = made(lent, ORDER)
    assert again[1] == told[1]
    used = [line["used"] for line in zero_scheduler.lines(log, "released")]
    assert len(used) == 2 and all(seconds < 5 for seconds in used)


def test_a_cancel_reaches_the_other_process(lent: space.Lent, log: Path) -> None:
    """It ends within a step and gives the GPU back; the same process makes the next image."""
    long = Order("long", (64, 64), 50, 3.5, 1)
    told = made(lent, long, lambda told: len(told) > 4)
    assert not any(isinstance(event, Finished) for event in told)
    [line] = zero_scheduler.lines(log, "released")
    assert line["used"] < 50 * 0.02 and not line["fail"]
    assert isinstance(made(lent, ORDER)[-1], Finished)
    pids = {one["pid"] for one in zero_scheduler.lines(log, "scheduled")}
    assert len(pids) == 1


def test_what_went_wrong_there_is_told_in_our_words(lent: space.Lent) -> None:
    """The package hands over no more of an error than its name."""
    with pytest.raises(BackendError, match="The memory is too small") as caught:
        made(lent, Order("refuse", (64, 64), 3, 3.5, 1))
    assert caught.value.advice == "Choose a smaller size."
    with pytest.raises(BackendError, match="The local model failed: RuntimeError"):
        made(lent, Order("break", (64, 64), 3, 3.5, 1))
    assert isinstance(made(lent, ORDER)[-1], Finished)


def test_a_process_that_is_killed_is_replaced_once(lent: space.Lent, log: Path) -> None:
    """The image is begun anew in another one; when that dies too, a person decides."""
    killed: list[int] = []

    def kill(told: list[Event], most: int) -> bool:
        found = [int(event.image) for event in told if isinstance(event, Preview)]
        if found and found[-1] not in killed and len(killed) < most:
            killed.append(found[-1])
            os.kill(found[-1], signal.SIGKILL)
        return False

    told = made(lent, Order("once", (64, 64), 20, 3.5, 1), lambda told: kill(told, 1))
    assert isinstance(told[-1], Finished)
    with pytest.raises(UnavailableError, match="taken away before") as caught:
        made(lent, Order("twice", (64, 64), 20, 3.5, 1), lambda told: kill(told, 3))
    assert caught.value.charged == "no"
    assert len(zero_scheduler.lines(log, "scheduled")) == 4


@pytest.mark.slow
def test_who_takes_longer_than_asked_is_stopped_and_told_so(
    lent: space.Lent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not begun anew: that would take the visitor's time again for nothing."""
    monkeypatch.setattr(Durations, "seconds", lambda _self, _order: 1)
    with pytest.raises(UnavailableError, match="longer than the 1 s"):
        made(space.Lent(Model().paint, zero_scheduler.GPU), Order("stay", (64, 64), 3, 3.5, 1))


@pytest.mark.anyio
async def test_each_visitor_has_a_quota_of_their_own(lent: space.Lent, log: Path) -> None:
    """Who asks is known in the thread that borrows the GPU; out of quota, they read how long."""
    told: list[Event] = []

    def asked_by(visitor: str, order: Order) -> Any:
        context = contextvars.copy_context()
        headers = {"x-ip-token": visitor}
        context.run(LocalContext.request.set, SimpleNamespace(headers=headers))
        return context.run(apart, lambda: lent(order, told.append, lambda: False), "lent GPU")

    zero_scheduler.SCHEDULER.left = {"ann": 4.0}
    with pytest.raises(OverQuotaError) as caught:
        await asked_by("ann", ORDER)
    need = lent.durations.seconds(ORDER)
    assert f"needs {need} s and 4 s are left. More is there in 24 h." in str(caught.value)
    assert "miniature" in caught.value.advice
    assert caught.value.wait_s == 24 * 3600 - 1
    await asked_by("bob", ORDER)
    assert isinstance(told[-1], Finished)
    assert [line["visitor"] for line in zero_scheduler.lines(log, "released")] == ["bob"]
    assert threading.active_count() < 40


def error(title: str, message: str) -> Any:
    return zero_scheduler.error(title, message)


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        (("ZeroGPU queue timeout", "No GPU was available after 60s"), RateLimitError, "No GPU"),
        (("ZeroGPU illegal duration", "The requested"), RejectedError, "more than may be asked"),
        (
            ("ZeroGPU quota exceeded", "Space app has reached its GPU limit."),
            OverQuotaError,
            "whose",
        ),
        (
            ("ZeroGPU quota exceeded", "You have exceeded your runs limit."),
            OverQuotaError,
            "for now",
        ),
        (("ZeroGPU client error", "Expired ZeroGPU proxy token"), UnavailableError, "so long"),
        (("ZeroGPU worker error", "AssertionError"), BackendError, "could not be used"),
        (("ZeroGPU worker error", "GPU task aborted"), space.GoneError, ""),
    ],
)
def test_every_refusal_of_the_scheduler_has_a_sentence(
    given: tuple[str, str], kind: type[Exception], words: str
) -> None:
    """None of the package's words for programmers reaches the page."""
    found = space.explained(error(*given), 24, 3.0)
    assert type(found) is kind
    assert words in str(found)


def test_days_and_seconds_of_waiting_are_read() -> None:
    """As Python writes a span of time, which is how the package tells it."""
    for wait, shown in (
        (timedelta(days=1, seconds=61), "24 h 2 min"),
        (timedelta(seconds=5), "1 min"),
    ):
        words = f"You have exceeded your quota (30s requested vs. 8s left). Try again in {wait}. "
        found = space.explained(error("ZeroGPU quota exceeded", words), 30, 0)
        assert f"More is there in {shown}." in str(found)


def test_the_time_asked_for_follows_size_and_steps_and_what_was_seen() -> None:
    """Cautious at first; then the slowest of the last images decides, with some room."""
    durations = Durations()
    small, large = Order("", (512, 512), 20, 3.5, 1), Order("", (1024, 1024), 20, 3.5, 1)
    assert (
        durations.seconds(small)
        < durations.seconds(large)
        < durations.seconds(Order("", (1024, 1024), 50, 3.5, 1))
    )
    assert 30 <= durations.seconds(Order("", (1024, 1024), 28, 3.5, 1)) <= 60
    timing = Timing(100.0)
    for step in range(20):
        timing.step(103.0 + 0.5 * step)
    durations.learn(large, timing, 113.0)
    work = 20 * large.megapixels
    assert durations.seconds(large) == pytest.approx(ROOM * (3.0 + 0.5 * 20), abs=1)
    timing = Timing(200.0)
    for step in range(20):
        timing.step(200.1 + 0.5 * step)
    for _ in range(9):
        durations.learn(large, timing, 210.0)
    # The GPU was filled already; the next one may have to be filled again.
    assert durations.seconds(large) == pytest.approx(ROOM * (3.0 + 0.5 * 20), abs=1)
    assert durations.steps[-1] == (large.megapixels, pytest.approx(0.5 * 20 / work))


def test_a_quick_small_image_promises_nothing_of_a_large_one() -> None:
    """Attention takes more than its share of a larger image: until one was seen, be cautious."""
    durations = Durations()
    small, large = Order("", (256, 256), 20, 3.5, 1), Order("", (1536, 1536), 20, 3.5, 1)
    before = durations.seconds(large)
    timing = Timing(0.0)
    for step in range(20):
        timing.step(15.0 + 0.01 * step)
    durations.learn(small, timing, 15.2)
    assert durations.seconds(small) <= 20
    assert durations.seconds(large) >= before - 1


def test_the_whole_model_is_planned_for_half_a_card_and_nothing_is_made_on_it_before() -> None:
    """SRPO in bf16 fits; weights that have to be quantized on a GPU are refused in a sentence."""
    lent = Machine("cuda", "ZeroGPU", space.MEMORY_GB, 60.0, installed=frozenset(), lent=True)
    plan = choose(lent, FULL_GB, "auto")
    assert (plan.quant, plan.offload, plan.encoders_on_cpu) == ("bf16", False, False)
    with_gguf = replace(lent, installed=frozenset({"gguf"}))
    assert choose(with_gguf, FULL_GB, "gguf", gguf=True).quant == "gguf"
    for quant in ("nf4", "fp8"):
        with pytest.raises(NotReadyError, match="lent for an image at a time") as caught:
            choose(lent, FULL_GB, quant)
        assert "LOCAL_QUANT=bf16" in caught.value.advice


def test_a_space_shows_its_visitors_no_model_that_only_its_owner_can_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Until the licence is accepted the menu has what works; at home it says what is missing."""
    monkeypatch.setattr("backends.local.source.missing", lambda: None)
    made = create(LocalSettings(_env_file=None, local_model="owner/srpo"))  # type: ignore[call-arg]
    assert made.readiness().stage == "licence"
    assert offered(made)
    monkeypatch.setenv("SYSTEM", "spaces")
    assert not offered(made)
    assert made.readiness().stage == "licence"  # which the Backends tab says all the same


@pytest.mark.anyio
async def test_a_form_tells_before_a_click_what_an_image_asks_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a Space that lends; at home nothing is lent, and nothing is said."""
    look = lambda: Readiness("not loaded")  # noqa: E731
    home = Local(Source("slow"), Wish(), look, Loader())
    assert lent_s(home, params_of(home, "text-to-image")) is None
    monkeypatch.setattr(space, "is_zero_gpu", lambda: True)
    there = Local(Source("slow"), Wish(), look, Loader())
    few, many = (params_of(there, "text-to-image", steps=steps) for steps in (4, 40))
    assert 0 < (lent_s(there, few) or 0) < (lent_s(there, many) or 0)
    kind = there.tasks["image-to-image"]
    assert lent_s(there, kind.model_construct(prompt=""))  # before there is an image
    assert {"steps", "width", "strength"} <= set(there.priced_by)


@pytest.mark.anyio
async def test_the_backend_borrows_for_each_image(
    monkeypatch: pytest.MonkeyPatch, log: Path
) -> None:
    """From its params to its image, through the decorated function."""
    monkeypatch.setattr(space, "is_zero_gpu", lambda: True)
    monkeypatch.setitem(sys.modules, "spaces", zero_scheduler)
    look = lambda: Readiness("not loaded")  # noqa: E731
    backend = Local(Source("slow"), Wish(), look, Loader())
    told = await events(backend.generate(params_of(backend, "text-to-image", steps=2)))
    assert isinstance(told[-1], Finished)
    [line] = zero_scheduler.lines(log, "scheduled")
    await backend.aclose()
    os.kill(line["pid"], signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("spaces") is None, reason="spaces is not installed (dev packages)")
@pytest.mark.skipif(find_spec("torch") is not None, reason="with torch it wants a real GPU")
def test_the_real_package_is_used_rightly() -> None:
    """What the stand-in stands for: streams, cancel, errors, a killed process, a quota, no GPU."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.backends.local.lent_by_spaces"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    told = [
        json.loads(line.removeprefix("RESULT "))
        for line in done.stdout.splitlines()
        if line.startswith("RESULT ")
    ]
    whole, cancelled, again, refused, begun_anew, full, poor, calls = told
    assert whole == again == ["Running", "Preview", "Running", "Running", "Running", "Finished"]
    assert "Finished" not in cancelled
    assert refused == ["BackendError", "The memory is too small."]
    assert (begun_anew.count("Preview"), begun_anew[-1]) == (2, "Finished")
    assert full[0] == "RateLimitError"
    assert poor[0] == "OverQuotaError"
    assert "3 s are left. More is there in 1 h 24 min." in poor[1]
    assert calls.count("/allow") == 2  # one process, and the one in place of the killed one
