"""Draws the filmstrip: what runs, waits, failed or is in doubt, and the images that are done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.jobs.job import Action
from core.studio import Progress
from ui import markup, messages
from ui.generate import queue
from ui.generate.queue import NO_ACTIONS, NO_PRICES

TROUBLED = ("failed", "unknown")


@dataclass(frozen=True, slots=True)
class Tile:
    """A job in the strip; `done` is the share of the ring that is drawn, 0 where none is known."""

    progress: Progress
    text: str
    said: str
    done: float


@dataclass(frozen=True, slots=True)
class Shot:
    """A finished image with the addresses of its file and its thumbnail."""

    progress: Progress
    file: str
    thumbnail: str


def live(
    progresses: Sequence[Progress],
    possible: Mapping[str, Sequence[Action]] = NO_ACTIONS,
    *,
    prices: Mapping[str, float | None] = NO_PRICES,
    left_usd: float | None = None,
    whom: str = "",
) -> str:
    """Draw the jobs that are on their way, and cards for those that need a person.

    `possible`, `prices`, `left_usd` and `whom` are as in `queue.status`.
    """
    order = sorted(progresses, key=queue.rank)
    tiles = [_tile(one) for one in order if one.job.active or one.job.state in TROUBLED]
    troubled = [one for one in order if one.job.state in TROUBLED]
    stops = {str(one.stop): (one, one.stop) for one in progresses if one.stop}
    waiting = [one for one in order if one.job.state == "waiting"]
    running = [one for one in order if one.job.active and one.job.state != "waiting"]
    return markup.render(
        "live",
        tiles=tiles,
        stops=[queue.stopped(one.job, reason, whom) for one, reason in stops.values()],
        troubles=[queue.row(one, possible, prices, left_usd) for one in troubled],
        counted=messages.counted(len(running), len(waiting)),
        busy=len(running) + len(waiting),
    )


def shots(found: Sequence[Shot], labels: Mapping[str, str]) -> str:
    """Draw the finished images, each with what the stage shows of it.

    The newest click comes first, its images in the order of their seeds; `labels` are those of
    backends by id.
    """
    clicks: dict[str, list[Shot]] = {}
    for shot in sorted(found, key=lambda shot: shot.progress.job.n):
        job = shot.progress.job
        clicks.setdefault(job.batch or job.id, []).append(shot)
    ordered = [shot for click in reversed(clicks.values()) for shot in click]
    return markup.render("shots", shots=ordered, labels=labels)


def _tile(progress: Progress) -> Tile:
    return Tile(
        progress,
        messages.tile(progress),
        messages.state(progress),
        progress.share or 0.0 if progress.job.state in ("running", "sending") else 0.0,
    )
