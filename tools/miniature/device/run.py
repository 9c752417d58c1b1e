"""All networks in a row within a time limit: codec, flow, a sheet, the judge."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from tools.miniature.device import codec as codecs
from tools.miniature.device import flow, judge, sampler, store
from tools.miniature.device.checkpoints import CODEC, Checkpoints
from tools.miniature.device.clock import Clock, Log
from tools.miniature.device.kernels import attend, settle
from tools.miniature.device.scenes import SIZES, Shard, shards
from tools.miniature.pictures import SHOWN
from tools.miniature.plain import LATENT_CHANNELS, Shape
from tools.miniature.words import TOKENS

FOR_CODEC = 10_000  # images; with one shard more they are still within a tensor's reach
FAST = ("flash", "efficient", "math")
CAREFUL = ("math",)
"""How attention is computed in a second run, after the device has failed once."""
SHEET_SECONDS = 6.0
LEAST_AGAIN = 40.0
"""Seconds that must be left for a second run to be worth its start."""
LEAST_DECIBELS = 27.0
"""A codec below this gets half as much time again: the flow cannot be better than it."""


@dataclass(frozen=True, slots=True)
class Order:
    """Where things are, and how long each stage may take."""

    folder: Path
    out: Path
    start: Path | None
    seconds: float
    codec_seconds: float
    judge_seconds: float
    save_every: float
    batch: int
    shards: int
    tiny: bool
    careful: bool = False
    """Whether nothing is compiled, attention is plain products, and batches are half as large."""

    @property
    def device(self) -> str:
        """Where the networks are."""
        return "cpu" if self.tiny else "cuda"

    @property
    def plan(self) -> flow.Plan:
        """How the flow is trained."""
        if self.tiny:
            shape = Shape(heads=2, double_blocks=1, single_blocks=2)
            return flow.Plan(shape, batch=4, log_every=2, compiled=False)
        batch = self.batch // 2 if self.careful else self.batch
        return flow.Plan(batch=batch, compiled=not self.careful)


def train(order: Order) -> None:
    """Run every stage; one that fails leaves what the former have written."""
    clock = Clock(order.seconds)
    order.out.mkdir(parents=True, exist_ok=True)
    log, checkpoints = (
        Log(order.out / "log.jsonl"),
        Checkpoints(order.out, order.folder, order.save_every),
    )
    _prepare(order)
    warming = None if order.tiny or order.careful else _warm_up(order)
    found = shards(order.folder)[: order.shards]
    log.say("begun", shards=len(found), torch=torch.__version__, device=_named(order.device))
    codec = codecs.Codec(order.device)
    if order.start and order.start.exists():
        _start(codec, order.start)
    if order.codec_seconds > 0:
        _guarded(log, "codec", lambda: _train_codec(order, found, codec, log), order.device)
    checkpoints.save_codec(codec)
    whole = codec.folded()
    held = store.fill(found, whole, order.device)
    log.say("filled", pictures=[len(bucket.latents) for bucket in held.buckets])
    if warming:
        _wait(warming, log)
    sample = store.read_pictures(found, SIZES[0], 32, order.device)[:32]
    learner = flow.Learner(order.plan, order.device, codecs.shares_of_channels(whole, sample))
    rest = order.judge_seconds + SHEET_SECONDS
    span = Clock(clock.left() - rest)
    done = _guarded(
        log,
        "flow",
        lambda: flow.train(learner, held, span, log, lambda: checkpoints.save(learner, codec)),
        order.device,
    )
    if not done and not order.careful and clock.left() > LEAST_AGAIN:
        again(order, clock.left())
    checkpoints.save(learner, codec, now=True)
    log.say("saved", step=learner.step)
    torch.compiler.set_stance("force_eager")  # a few images are not worth compiling for
    side = 64 if order.tiny else SIZES[0][0]
    _guarded(
        log,
        "sheet",
        lambda: sampler.draw_sheet(learner, whole, order.out / "sheet.jpg", side),
        order.device,
    )
    if order.judge_seconds > 0:
        seconds = min(order.judge_seconds, max(1.0, clock.left()))
        few = found[: 1 if order.tiny else 64]
        _guarded(
            log,
            "judge",
            lambda: judge.train(few, order.device, Clock(seconds), log, order.out),
            order.device,
        )
    log.say("done")


def warm(order: Order) -> None:
    """Compile everything once on noise, so that the real run finds it in the compiler's cache."""
    _prepare(order)
    learner = flow.Learner(order.plan, order.device, torch.ones(LATENT_CHANNELS))
    for size in SIZES[:2]:
        batch = noise(order.plan.batch, (size[1] // 16, size[0] // 16), order.device)
        for distilling in (False, True):
            loss, _ = flow.loss_of(learner, batch, distilling=distilling)
            learner.update(loss, 0.0)
    print("warm", flush=True)


def _train_codec(order: Order, found: list[Shard], codec: codecs.Codec, log: Log) -> None:
    plan = codecs.Plan(4, 32, 2) if order.tiny else codecs.Plan()
    pictures = store.read_pictures(found, SIZES[0], FOR_CODEC, order.device)
    log.say("codec", pictures=len(pictures))
    codecs.train(codec, pictures, Clock(order.codec_seconds), log, plan)
    if codecs.decibels(codec, pictures[:16])["0.0"] < LEAST_DECIBELS and not order.tiny:
        codecs.train(codec, pictures, Clock(order.codec_seconds / 2), log, plan)


def _guarded(log: Log, stage: str, work: Callable[[], None], device: str) -> bool:
    """Do it and tell whether it went well; what goes wrong does not end the run."""
    try:
        work()
        settle(device)
        return True
    except Exception as error:  # noqa: BLE001 - minutes of a lent machine are at stake
        traceback.print_exc()
        log.say(stage, failed=f"{type(error).__name__}: {error}"[:500])
        return False


def again(order: Order, seconds: float) -> None:
    """Go on in a new process with the codec there is: a failed device is lost to this one."""
    command = [
        *(sys.executable, "-m", "tools.miniature.device", "train", "--careful"),
        *("--folder", str(order.folder), "--out", str(order.out)),
        *("--start", str(order.folder / CODEC), "--codec-seconds", "0"),
        *("--seconds", str(round(seconds - 1, 1)), "--judge-seconds", str(order.judge_seconds)),
        *("--save-every", str(order.save_every), "--batch", str(order.batch)),
        *("--shards", str(order.shards)),
        *["--tiny"] * order.tiny,
    ]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, command)  # noqa: S606 - our own program


def _start(codec: codecs.Codec, path: Path) -> None:
    codec.load(torch.load(path, weights_only=True, map_location=codec.device))


def _prepare(order: Order) -> None:
    torch.set_flush_denormal(True)
    attend(*(CAREFUL if order.careful else FAST))
    if order.device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch._dynamo.config.cache_size_limit = 64
        torch._dynamo.config.suppress_errors = True


def _warm_up(order: Order) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tools.miniature.device", "warm", "--batch", str(order.batch)]
    return subprocess.Popen(command)  # noqa: S603 - our own program


def _wait(warming: subprocess.Popen[bytes], log: Log) -> None:
    """Wait for the compiler a little longer; what it has not done is done again."""
    begun = time.monotonic()
    try:
        code = warming.wait(20)
    except subprocess.TimeoutExpired:
        warming.kill()
        code = -1
    log.say("warm", code=code, waited=round(time.monotonic() - begun, 1))


def noise(count: int, grid: tuple[int, int], device: str) -> store.Batch:
    """A batch of nothing but noise, as large as a real one."""
    tokens = grid[0] * grid[1]
    ids = torch.ones(count, TOKENS, dtype=torch.long, device=device)
    maps = torch.randint(len(SHOWN), (count, tokens, flow.CELLS), device=device)
    places = torch.rand(count, tokens, device=device)
    latents = torch.randn(count, tokens, 4 * LATENT_CHANNELS, device=device)
    return store.Batch(latents, maps, maps[:, :, 0] % 12, places, places, grid, ids, ids)


def _named(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else device
