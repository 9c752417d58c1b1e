"""Turns a finished job into an entry: metadata into the file, file and thumbnail, then the row."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any

from core import metadata, pictures
from core.errors import BadResponseError, Charged
from core.events import told
from core.history import Entry, History
from core.jobs.job import SET_ASIDE, UNFINISHED, Job, iso
from core.jobs.ledger import Ledger, move


class Saver:
    """Keeps what a backend delivered."""

    def __init__(self, history: History) -> None:
        self._history = history

    async def receive(self, job: Job, image: bytes, ledger: Ledger) -> Job:
        """Put a picture aside that its service gives only once, before anything is done with it."""
        await self._history.storage.write(_aside(job), image)
        return await ledger.change(
            job.id, "running", among=UNFINISHED, like=job, outputs=_aside(job), charged="yes"
        )

    async def received(self, job: Job) -> bytes:
        """Return the picture that an earlier process put aside."""
        return await self._history.storage.read(job.outputs)

    async def keep(self, job: Job, image: bytes, *, flagged: bool, charged: Charged) -> Job:
        """Store the picture of a job and close the job, so that neither exists without the other.

        Raises BadResponseError when `image` is not a whole picture, HistoryError when it cannot
        be stored, TakenError when the job has its picture already, or another request's.
        """
        file, thumbnail, facts = await asyncio.to_thread(_prepare, job, image)
        entry = _entry(job, facts, flagged=flagged)
        done: list[Job] = []
        await self._history.add(
            entry,
            file=file,
            thumbnail=thumbnail,
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
        if job.outputs == _aside(job):
            await self._history.storage.delete(job.outputs)
        return done[0]


def _aside(job: Job) -> str:
    return f"{SET_ASIDE}{job.id}.bin"


def _prepare(job: Job, image: bytes) -> tuple[bytes, bytes, dict[str, Any]]:
    """Return the file with its metadata, the thumbnail, and what the picture says of itself."""
    try:
        kind, width, height = pictures.inspect(image)
    except pictures.PictureError as error:
        raise BadResponseError(
            "The backend delivered a file that is not a whole image.",
            advice="Try again; if it stays so, tell whoever runs the backend.",
            request_id=job.request_id,
            charged="maybe",
        ) from error
    facts: dict[str, Any] = {
        "format": kind,
        "width": width,
        "height": height,
        "elapsed_s": round(time.time() - (job.sent_at or job.created_at), 3),
    }
    return metadata.write(image, _record(job, facts)), pictures.thumbnail(image), facts


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
