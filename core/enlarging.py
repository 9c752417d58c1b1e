"""Makes an image larger: resampled here for nothing, or made again from a larger copy of itself.

Neither is an AI upscaler, and both say so. What is resampled has the pixels of the image it comes
from and no more detail. What is refined is image to image at a low strength: detail is added, and
what was there may change.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core import metadata, pictures
from core.backend import Backend
from core.caller import Caller
from core.errors import InputError, NotReadyError, OverLimitError, PlaygroundError
from core.history import Entry, History, input_name
from core.history.lineage import write_source
from core.jobs.consent import NO_WORD, Consent
from core.jobs.job import Job, iso
from core.likeness import Descriptor, describe
from core.params import Edit, Params
from core.parsing import fitting
from core.pictures import MAX_PIXELS, Picture
from core.words import english

FACTORS = (2, 4)
LANCZOS = "Lanczos"
"""Told as the model of an image that was resampled."""
BACKEND = "lanczos"
STRENGTH = 0.3
"""How far a refined image may move from the larger copy: what it shows stays."""
WORTH = 1.1
"""How much larger an image has to become for it to be made again."""


@dataclass(frozen=True, slots=True)
class Refinement:
    """What making an image again at the size that a backend takes would be."""

    backend: str
    label: str
    width: int
    height: int
    strength: float
    price_usd: float | None
    """None where nobody knows."""


class Enlarging(ABC):
    """What the studio does to make images larger; every question is asked in an owner's name."""

    history: History
    closed: PlaygroundError | None

    def __init__(self) -> None:
        self._enlarging: set[str] = set()
        """Owners who have an image enlarged now."""
        self._resampling = asyncio.Lock()
        """Images are enlarged one at a time: each takes seconds of a processor."""

    @abstractmethod
    def backends_of(self, owner: str) -> Mapping[str, Backend]:
        """Return the backends as an owner sees them."""

    @abstractmethod
    def closed_to(self, caller: Caller | None = None) -> Mapping[str, NotReadyError]:
        """Return why backends take nothing from a caller, by id."""

    @abstractmethod
    async def entry(self, entry_id: str, *, owner: str | None = None, trash: bool = False) -> Entry:
        """Return an owner's entry."""

    @abstractmethod
    async def submit(
        self,
        backend: str,
        params: Params,
        *,
        owner: str,
        click: str = "",
        address: str = "",
        consent: Consent = NO_WORD,
    ) -> Job:
        """Write a job down and start carrying it."""

    async def enlarge(self, entry_id: str, factor: int, *, owner: str) -> Entry:
        """Make a new entry of an owner's image with two or four times its width and height.

        It costs nothing, and is Lanczos resampling, as its facts say. Raises InputError for another
        factor, for an image that would be too large and for an unknown one, OverLimitError while
        another image of the owner's is being enlarged.
        """
        if self.closed:
            raise self.closed
        if factor not in FACTORS:
            raise InputError(
                english("enlarge-factor"), field="factor", advice=english("enlarge-factor-choose")
            )
        parent = await self.entry(entry_id, owner=owner)
        width, height = parent.width * factor, parent.height * factor
        if factor not in self.enlarged_sizes(parent):
            raise InputError(
                english(
                    "enlarge-too-large",
                    factor=str(factor),
                    width=f"{width:,}",
                    height=f"{height:,}",
                    most=str(MAX_PIXELS // 1_000_000),
                ),
                field="factor",
                advice=english("enlarge-less"),
            )
        if owner in self._enlarging:
            raise OverLimitError(english("enlarge-busy"), advice=english("enlarge-wait"))
        self._enlarging.add(owner)
        try:
            # Shielded: a page that closes at this instant must not leave files without a row.
            return await asyncio.shield(self._enlarge(parent, factor))
        finally:
            self._enlarging.discard(owner)

    async def _enlarge(self, parent: Entry, factor: int) -> Entry:
        data = await self.history.storage.read(parent.file)
        async with self._resampling:
            made = await asyncio.to_thread(_resampled, parent, data, factor)
        async with self.history.inputs:
            await self.history.storage.write(input_name(made.source), made.source.data)
            await self.history.add(
                made.entry,
                file=made.file,
                thumbnail=made.thumbnail,
                source=made.digest,
                descriptor=made.descriptor,
                also=lambda db: write_source(db, parent.owner, made.source.sha256, parent.id),
            )
        return made.entry

    def enlarged_sizes(self, entry: Entry) -> Mapping[int, tuple[int, int]]:
        """Return width and height of an image by how many times it can be enlarged."""
        sizes = {factor: (entry.width * factor, entry.height * factor) for factor in FACTORS}
        return {factor: size for factor, size in sizes.items() if size[0] * size[1] <= MAX_PIXELS}

    def refinement(self, entry: Entry, *, owner: str, address: str = "") -> Refinement | None:
        """Return how an image would be refined; None where no backend makes it larger.

        By the backend that made it, where that can; else by the first that is no sandbox.
        """
        chosen = self._refiner(entry, Caller(owner, address))
        if chosen is None:
            return None
        width, height = _fitted(entry, chosen)
        params = _params(
            entry, chosen, Picture(sha256="", media_type="", width=width, height=height)
        )
        strength = float(getattr(params, "strength", STRENGTH))
        price = chosen.price(params)
        return Refinement(chosen.id, chosen.label, width, height, strength, price)

    async def refine(
        self,
        entry_id: str,
        *,
        owner: str,
        click: str = "",
        address: str = "",
        consent: Consent = NO_WORD,
    ) -> Job:
        """Send an image to image to image, enlarged to what its backend takes, at a low strength.

        Raises InputError where no backend makes it larger, and whatever `submit` raises.
        """
        entry = await self.entry(entry_id, owner=owner)
        chosen = self._refiner(entry, Caller(owner, address))
        if chosen is None:
            raise InputError(
                english("refine-none"), field="id", advice=english("refine-none-advice")
            )
        data = await self.history.storage.read(entry.file)
        size = _fitted(entry, chosen)
        own, large = await asyncio.to_thread(_copied, data, size)

        def note(db: Any) -> None:
            for one in (own, large):
                write_source(db, owner, one.sha256, entry.id)

        await self.history.database.run(note)
        return await self.submit(
            chosen.id,
            _params(entry, chosen, large),
            owner=owner,
            click=click,
            address=address,
            consent=consent,
        )

    def _refiner(self, entry: Entry, caller: Caller) -> Backend | None:
        """Return the backend that makes an image again in a larger size."""
        closed = self.closed_to(caller)
        able = [
            one
            for name, one in self.backends_of(caller.owner).items()
            if name not in closed and not one.problem() and _enlarges(one, entry)
        ]
        able.sort(key=lambda one: (one.id != entry.backend, one.sandbox != entry.sandbox))
        return able[0] if able else None


def _enlarges(backend: Backend, entry: Entry) -> bool:
    kind = backend.tasks.get("image-to-image")
    if kind is None or not issubclass(kind, Edit) or "strength" not in kind.model_fields:
        return False
    longer = max(entry.width, entry.height)
    return kind.most_side is not None and kind.most_side >= longer * WORTH


def _fitted(entry: Entry, backend: Backend) -> tuple[int, int]:
    """Return the largest size of an image's shape that a backend takes."""
    kind: Any = backend.tasks["image-to-image"]
    share = kind.most_side / max(entry.width, entry.height)
    return max(1, round(entry.width * share)), max(1, round(entry.height * share))


def _params(entry: Entry, backend: Backend, image: Picture) -> Params:
    """Return what is sent: the prompt, what of the settings fits, and a new seed."""
    kind = backend.tasks["image-to-image"]
    same = entry.params if backend.id == entry.backend else {}
    kept = {name: value for name, value in same.items() if name not in ("seed", "image")}
    return fitting(kind, {**kept, "prompt": entry.prompt, "image": image, "strength": STRENGTH})


def _copied(data: bytes, size: tuple[int, int]) -> tuple[Picture, Picture]:
    """Return an image as one to start from, and its larger copy."""
    own = pictures.load(data, field="id")
    return own, pictures.resampled(own, size)


@dataclass(frozen=True, slots=True)
class _Made:
    """A resampled image with all that is kept of it, and the image that it began with."""

    entry: Entry
    file: bytes
    thumbnail: bytes
    descriptor: Descriptor
    digest: str
    source: Picture


def _resampled(parent: Entry, data: bytes, factor: int) -> _Made:
    began = time.time()
    source = pictures.load(data, field="id")
    size = (source.width * factor, source.height * factor)
    large = pictures.resampled(source, size)
    params = {
        "prompt": parent.prompt,
        "model": LANCZOS,
        "factor": factor,
        "image": source.model_dump(mode="json"),
    }
    sent = {"model": LANCZOS, "factor": factor}
    now = time.time()
    kind = large.media_type.rpartition("/")[2]
    facts: dict[str, Any] = {
        "task": "image-to-image",
        "backend": BACKEND,
        "model": LANCZOS,
        "sandbox": parent.sandbox,
        "prompt": parent.prompt,
        "params": params,
        "seed": parent.seed,
        "width": size[0],
        "height": size[1],
        "request_id": None,
        "price_usd": 0.0,
        "elapsed_s": round(now - began, 3),
    }
    file = metadata.write(large.data, {"v": 1, **facts, "created_at": iso(now)})
    small = pictures.reduced(file)
    name = f"{iso(now)[:10]}/{BACKEND}-{max(parent.seed, 0)}-{secrets.token_hex(6)}"
    entry = Entry(
        id=secrets.token_hex(12),
        job_id=f"{BACKEND}{secrets.token_hex(12)}",
        owner=parent.owner,
        created_at=now,
        sent=sent,
        format=kind,
        flagged=parent.flagged,
        file=f"images/{name}.{ {'jpeg': 'jpg'}.get(kind, kind) }",
        thumbnail=f"thumbnails/{name}.webp",
        parent=parent.id,
        **facts,
    )
    thumbnail = pictures.encoded_thumbnail(small)
    digest = pictures.source_digest(file)
    return _Made(entry, file, thumbnail, describe(small), digest, source)
