"""Turns a finished job into an entry: metadata into the file, file and thumbnail, then the row."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from typing import Any

from core import metadata, pictures
from core.errors import BadResponseError, Charged
from core.events import told
from core.history import Entry, History
from core.jobs.job import UNFINISHED, Job, iso
from core.jobs.ledger import Ledger, move
from core.likeness import Descriptor, describe
from core.words import english

SET_ASIDE = "received"
"""Folder of images that were received and are no entries yet."""


class Saver:
    """Keeps what a backend delivered."""

    def __init__(self, history: History) -> None:
        self._history = history

    async def receive(self, job: Job, image: bytes, ledger: Ledger) -> Job:
        """Put an image aside that its service gives only once, before anything is done with it."""
        name = f"{SET_ASIDE}/{job.id}.bin"
        await self._history.storage.write(name, image)
        facts = {"outputs": name, "set_aside": True, "charged": "yes"}
        return await ledger.change(job.id, "running", among=UNFINISHED, like=job, **facts)

    async def received(self, job: Job) -> bytes:
        """Return the image that an earlier process put aside."""
        return await self._history.storage.read(job.outputs)

    async def keep(self, job: Job, image: bytes, *, flagged: bool, charged: Charged) -> Job:
        """Store the image of a job and close the job, so that neither exists without the other.

        Raises BadResponseError when `image` is not a whole image, HistoryError when it cannot
        be stored, TakenError when the job has its image already, or another request's.
        """
        made = await asyncio.to_thread(_prepare, job, image)
        entry = _entry(job, made.facts, flagged=flagged)
        done: list[Job] = []
        await self._history.add(
            entry,
            file=made.file,
            thumbnail=made.thumbnail,
            source=made.source,
            descriptor=made.descriptor,
            also=lambda db: done.append(
                move(
                    db,
                    job.id,
                    "finished",
                    among=UNFINISHED,  # kept whatever another process believes of the job
                    like=job,
                    entry_id=entry.id,
                    charged=charged,
                    error="",
                    advice="",
                )
            ),
        )
        if job.set_aside:
            await self._history.storage.delete(job.outputs)
        return done[0]


@dataclass(frozen=True, slots=True)
class _Made:
    """What is kept of an image: its file with metadata, thumbnail, and what it says of itself."""

    file: bytes
    thumbnail: bytes
    facts: dict[str, Any]
    source: str
    """The digest that the file has as an image to start from."""
    descriptor: Descriptor


def _prepare(job: Job, image: bytes) -> _Made:
    try:
        kind, width, height = pictures.inspect(image)
    except pictures.PictureError as error:
        raise BadResponseError(
            english("jobs-backend-delivered-file-not-whole"),
            advice=english("jobs-try-again-if-stays-so"),
            request_id=job.request_id,
            charged="maybe",
        ) from error
    facts: dict[str, Any] = {
        "format": kind,
        "width": width,
        "height": height,
        "elapsed_s": round(time.time() - (job.sent_at or job.created_at), 3),
    }
    file = metadata.write(image, _record(job, facts))
    small = pictures.reduced(image)
    thumbnail = pictures.encoded_thumbnail(small)
    return _Made(file, thumbnail, facts, pictures.source_digest(file), describe(small))


def _record(job: Job, facts: dict[str, Any]) -> dict[str, Any]:
    """What the file itself tells of how it was made."""
    return {
        "v": 1,
        "task": job.task,
        "backend": job.backend,
        "model": _model(job),
        "sandbox": job.sandbox,
        "prompt": job.params["prompt"],
        "params": job.params,
        "seed": job.seed,
        "width": facts["width"],
        "height": facts["height"],
        "request_id": job.request_id,
        "price_usd": job.price_usd,
        "created_at": iso(time.time()),
        "elapsed_s": facts["elapsed_s"],
        **({"ran": ran} if (ran := told(job.sent)) else {}),
    }


def _model(job: Job) -> str:
    """Return the model that was chosen, or the one the backend named in what it sent."""
    return str(job.params.get("model") or job.sent.get("model", ""))


def _entry(job: Job, facts: dict[str, Any], *, flagged: bool) -> Entry:
    now = time.time()
    name = f"{iso(now)[:10]}/{job.n:05d}-{max(job.seed, 0)}-{secrets.token_hex(3)}"
    suffix = {"jpeg": "jpg"}.get(facts["format"], facts["format"])
    return Entry(
        id=secrets.token_hex(12),
        job_id=job.id,
        owner=job.owner,
        created_at=now,
        task=job.task,
        backend=job.backend,
        model=_model(job),
        sandbox=job.sandbox,
        prompt=job.params["prompt"],
        params=job.params,
        sent=job.sent,
        seed=job.seed,
        price_usd=job.price_usd,
        request_id=job.request_id,
        flagged=flagged,
        file=f"images/{name}.{suffix}",
        thumbnail=f"thumbnails/{name}.webp",
        **facts,
    )
