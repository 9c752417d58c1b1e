"""A ZeroGPU Space as its visitors meet it: a real program, a stand-in for the scheduler, torch.

A pipeline of random weights generates noise, each image in a process that was forked for it. The
scheduler is `tests/zero_scheduler.py`, which writes down whoever touches CUDA elsewhere.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file

from tests import zero_scheduler
from tests.end_to_end.program import ROOT, Playground
from tests.fakes import picture

EACH = pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="starts a program of its own; .ci/run sets EVERY_TEST"
)
TORCH = pytest.mark.skipif(
    find_spec("torch") is None or find_spec("diffusers") is None,
    reason="needs requirements-local.txt",
)
ANN, BOB, CAT = "a" * 32, "b" * 32, "c" * 32
SMALL = {"prompt": "a boat", "width": 64, "height": 64, "steps": 12}
PATIENCE_S = 120.0


def space(tmp_path: Path, **environment: str) -> Playground:
    """Start the program as the hub does, with the stand-in for its package."""
    package = zero_scheduler.install(tmp_path / "package")
    return Playground(
        tmp_path / "space",
        PYTHONPATH=f"{package}{os.pathsep}{ROOT}",
        SPACES_ZERO_GPU="true",
        SYSTEM="spaces",
        SPACE_HOST="owner-name.hf.space",
        ZERO_LOG=str(tmp_path / "zero.log"),
        OMP_NUM_THREADS="1",
        SRPO_BACKEND="",
        **environment,
    )


def visitor(program: Playground, token: str) -> Client:
    """Come as a browser does through the hub: with a token of ours, and one of the hub's."""
    return program.client(headers={"X-SRPO-Token": token, "X-IP-Token": f"visitor-{token[0]}"})


def until(holds: Any, what: str) -> Any:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {PATIENCE_S:.0f} s: {what}")


@EACH
def test_without_a_licence_it_starts_and_loads_nothing_of_torch(tmp_path: Path) -> None:
    """A function that would use the GPU is named, the miniature serves, the licence is missed."""
    program = space(tmp_path, LOCAL_MODEL="Runware/flux.1-dev-SRPO")
    try:
        [launched] = zero_scheduler.lines(tmp_path / "zero.log", "launched")
        assert launched["decorated"] == 1
        ann = visitor(program, ANN)
        backends = {one["id"]: one for one in ann.predict(api_name="/backends")}
        assert not backends["local"]["ready"]
        assert "licen" in backends["local"]["problem"].lower() or find_spec("torch") is None
        _image, info = ann.predict("hills", backend="miniature", api_name="/text_to_image")
        assert info["backend"] == "miniature"
        assert not zero_scheduler.lines(tmp_path / "zero.log", "torch")
    finally:
        program.kill()


@pytest.fixture
def lending(tmp_path: Path) -> Iterator[Playground]:
    from tools.random_flux import make

    model = str(make(tmp_path / "tiny"))
    program = space(
        tmp_path, LOCAL_MODEL=model, ZERO_QUOTA_S="600", ZERO_POOR="visitor-c:3", ZERO_PATIENCE="8"
    )
    yield program
    program.kill()


@EACH
@TORCH
def test_two_visitors_a_cancel_an_empty_quota_and_a_killed_process(
    tmp_path: Path, lending: Playground
) -> None:
    """Ten images get to whoever asked for them; what did not become one says why; CUDA stays."""
    log = tmp_path / "zero.log"
    visitors = {token: visitor(lending, token) for token in (ANN, BOB)}
    ready = lambda: any(  # noqa: E731
        one["id"] == "local" and one["ready"] for one in visitors[ANN].predict(api_name="/backends")
    )
    until(ready, "the model is loaded")
    jobs = {
        token: [
            one.predict("text-to-image", "local", SMALL | {"seed": seed}, api_name="/submit")["id"]
            for seed in range(first, first + 5)
        ]
        for (token, one), first in zip(visitors.items(), (100, 200), strict=True)
    }

    def all_are_made(wanted: list[tuple[str, str]]) -> bool:
        found = [visitors[token].predict(job, api_name="/job") for token, job in wanted]
        said = [one["error"] for one in found if one["state"] in ("failed", "unknown")]
        assert not said, f"{said}\n{lending.output}"
        return {one["state"] for one in found} == {"finished"}

    def begun(token: str, seed: int) -> tuple[str, int]:
        """Ask for a long image, wait until it has the GPU, and return its process too."""
        turns = len(zero_scheduler.lines(log, "scheduled"))
        wish = SMALL | {"steps": 50, "width": 320, "height": 320, "seed": seed}
        job = visitors[token].predict("text-to-image", "local", wish, api_name="/submit")["id"]
        until(lambda: len(zero_scheduler.lines(log, "scheduled")) > turns, "it has its turn")
        return job, zero_scheduler.lines(log, "scheduled")[-1]["pid"]

    wanted = [(token, job) for token, ids in jobs.items() for job in ids]
    until(lambda: all_are_made(wanted), "ten images are made")
    cancelled, _ = begun(BOB, 300)
    visitors[BOB].predict(cancelled, api_name="/cancel")
    assert visitors[BOB].predict(cancelled, api_name="/job")["state"] == "cancelled"
    cat = visitor(lending, CAT)
    poor = cat.predict("text-to-image", "local", SMALL | {"seed": 7}, api_name="/submit")["id"]
    told = until(
        lambda: (one := cat.predict(poor, api_name="/job"))["state"] == "failed" and one,
        "Cat is told that the quota is too small",
    )
    assert "3 s are left. More is there in 24 h" in told["error"]
    assert "miniature" in told["advice"]
    killed, process = begun(ANN, 400)
    os.kill(process, signal.SIGKILL)
    until(lambda: all_are_made([(ANN, killed)]), "the killed one is begun anew and made")

    start = tmp_path / "start.png"
    start.write_bytes(picture(3, 64, 64))
    change = {"strength": 0.5, "steps": 8, "seed": 500, "backend": "local"}
    _image, info = visitors[ANN].predict(
        handle_file(start), "a red boat", **change, api_name="/image_to_image"
    )
    assert (info["task"], info["sent"]["steps_run"]) == ("image-to-image", 4)

    for token, first in ((ANN, 100), (BOB, 200)):
        entries = visitors[token].predict(api_name="/history")
        seeds = Counter(entry["seed"] for entry in entries)
        assert seeds == Counter([*range(first, first + 5), *([400, 500] if token == ANN else [])])
    asked = Counter(line["visitor"] for line in zero_scheduler.lines(log, "scheduled"))
    assert asked == {"visitor-a": 8, "visitor-b": 6}  # one of Ann's was begun twice
    assert sum(line["fail"] for line in zero_scheduler.lines(log, "released")) == 1
    assert zero_scheduler.lines(log, "torch")
    assert not zero_scheduler.lines(log, "touched")
