"""Entries by what they look like: described when they are saved, compared in memory.

Those that were saved before there were descriptors are described in the background.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Text, cast, delete, func, insert, select, update

from core.errors import HistoryError, InputError
from core.history import search
from core.history.entry import Entry, entry_of
from core.history.search import ALL, Wanted
from core.likeness import (
    VERSION,
    Descriptor,
    Index,
    Probe,
    SameImage,
    colour_in,
    describe_file,
)
from core.pictures.load import DECODER_ERRORS
from core.storage.database import Database
from core.storage.files import Storage
from core.storage.tables import descriptors, entries
from core.words import english

T = TypeVar("T")

MOST = 1000
"""How many entries in a colour are found at most: those with the most of it."""
MOST_ALIKE = 200
COMPARED = 48
"""How many entries are looked at, at most, for whether they show the same image."""
STEP = 16
"""Entries that are described before anybody else has a turn: about 0.15 s."""
REST_S = 0.1
RETRY_S = 30.0
LOADED = 2000
"""Rows that are asked for at once."""


class Likeness:
    """Finds entries by colour and by likeness.

    What is in memory only proposes: the database says which of it are an owner's, and wanted.
    """

    def __init__(self, database: Database, storage: Storage, *, retry_s: float = RETRY_S) -> None:
        self._database = database
        self._storage = storage
        self._retry_s = retry_s
        self._index = Index()
        self._guard = threading.Lock()
        self._noted: set[int] | None = set()
        """Entries that came into memory on their own before all were loaded; then None."""
        self._loading = asyncio.Lock()
        self._more = asyncio.Event()
        self._more.set()
        self.left = 0
        """How many entries the background has still to describe."""

    def keep(self, db: Connection, number: int, owner: str, descriptor: Descriptor) -> None:
        """Write an entry's descriptor down, in the transaction of its row."""
        db.execute(delete(descriptors).where(descriptors.c.entry_n == number))
        db.execute(
            insert(descriptors).values(
                entry_n=number, colours=descriptor.colours, layout=descriptor.layout
            )
        )
        db.execute(update(entries).where(entries.c.n == number).values(described=VERSION))
        # Were the transaction to fail, the database would not know the number.
        with self._guard:
            self._index.put(number, owner, descriptor)
            if self._noted is not None:
                self._noted.add(number)

    async def hand_over(self, old: str, new: str) -> None:
        """Take note that all of one owner's entries are another's."""
        async with self._loading:
            with self._guard:
                self._index.hand_over(old, new)

    async def page(
        self, owner: str, wanted: Wanted, *, limit: int, before: str, after: str
    ) -> list[Entry]:
        """Return at most `limit` entries next to one, the nearest first, as `History.page` does."""
        found = await self.nearest(owner, wanted)
        if anchor := before or after:
            place = await self._place(owner, wanted, anchor, found)
            if place is None:
                return []
            start, end = place
            chosen = found[end : end + limit] if before else found[max(0, start - limit) : start]
        else:
            chosen = found[:limit]
        return await self._entries(owner, [number for number, _ in chosen])

    async def nearest(self, owner: str, wanted: Wanted) -> list[tuple[int, float]]:
        """Return the numbers of wanted entries and how far each is, the nearest first.

        They are at most `MOST`, or `MOST_ALIKE` where they are to be like an image, which is not
        among them. Raises InputError for what is no colour, and for an unknown image.
        """
        own, probe = await self._probe(owner, wanted)
        most = MOST_ALIKE if wanted.like else MOST
        filtered = replace(wanted, colour="", like="", sort=ALL.sort) != ALL
        among = await self._numbers(owner, wanted) if filtered else None
        asked = most + 1
        while True:
            numbers, far = await asyncio.to_thread(
                self._index.closest, owner, probe, most=asked, among=among
            )
            here = {*numbers.tolist()} if filtered else await self._still(owner, numbers)
            found = [
                (number, distance)
                for number, distance in zip(numbers.tolist(), far.tolist(), strict=True)
                if number in here and number != own
            ]
            if len(found) >= most or len(numbers) < asked:
                return found[:most]
            asked *= 4  # many of them are in the trash, or gone

    async def duplicates(self, owner: str, entry_id: str) -> list[Entry]:
        """Return an owner's other entries that show the same image, the nearest first.

        The same file, encoded again or scaled; one that was made again with another seed is
        another image. At most `COMPARED` are looked at. Raises InputError for an unknown entry.
        """
        await self._load()
        number, thumbnail = await self._known(owner, entry_id, "id")
        descriptor = await self._descriptor(number, thumbnail)
        numbers = await asyncio.to_thread(self._index.nearly, owner, descriptor)
        still = await self._still(owner, numbers[: 4 * COMPARED])
        near = [one for one in numbers.tolist() if one in still and one != number][:COMPARED]
        same = await self._read(thumbnail, SameImage)
        found = []
        for entry in await self._entries(owner, near):
            try:
                other = await self._storage.read(entry.thumbnail)
                if await asyncio.to_thread(same.is_shown_by, other):
                    found.append(entry)
            except (HistoryError, *DECODER_ERRORS):
                continue  # its file is gone or damaged: nobody can tell
        return found

    async def layouts(self, owner: str) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return the numbers of all entries of an owner, and where the colours of each lie.

        The newest comes first; those in the trash and those not described yet are left out.
        """
        await self._load()
        here = await self._numbers(owner, ALL)
        return await asyncio.to_thread(self._index.layouts, owner, here)

    async def describe_rest(self) -> None:
        """Describe the entries that have no descriptor of today yet, in small steps, for ever.

        What was done is written down step by step: who starts again goes on there. An entry whose
        thumbnail cannot be read now is tried again later, one that is damaged is left without.
        """
        while True:
            await self._more.wait()
            self._more.clear()
            try:
                await self._describe_all()
            except HistoryError:
                await asyncio.sleep(self._retry_s)
                self._more.set()

    def wake(self) -> None:
        """Have the background look again: entries came without a descriptor."""
        self._more.set()

    async def undescribed(self) -> int:
        """Return how many entries have no descriptor of today yet."""
        rest = select(func.count()).where(entries.c.described < VERSION)
        return await self._database.run(lambda db: int(db.execute(rest).scalar_one()))

    async def _describe_all(self) -> None:
        self.left = await self.undescribed()
        for version in range(VERSION):
            below = None
            while rows := await self._undescribed(version, below):
                began = time.monotonic()
                below = rows[-1][0]
                await self._describe(rows)
                self.left = max(0, self.left - len(rows))
                await asyncio.sleep(max(REST_S, time.monotonic() - began))
        self.left = 0

    async def _undescribed(self, version: int, below: int | None) -> list[tuple[int, str]]:
        """Return number and thumbnail of the next entries of a version, the newest first.

        The thumbnail is "" where somebody broke the row.
        """
        query = select(entries.c.n, entries.c.facts).where(entries.c.described == version)
        if below is not None:
            query = query.where(entries.c.n < below)
        query = query.order_by(entries.c.n.desc()).limit(STEP)
        found = await self._database.run(lambda db: db.execute(query).all())
        return [(row.n, _thumbnail(row.facts)) for row in found]

    async def _describe(self, rows: Sequence[tuple[int, str]]) -> None:
        described: dict[int, Descriptor | None] = {}
        for number, thumbnail in rows:
            described[number] = None
            if not thumbnail:
                continue
            try:
                data = await self._storage.read(thumbnail)
                described[number] = await asyncio.to_thread(describe_file, data)
            except HistoryError:
                del described[number]
            except DECODER_ERRORS:
                continue

        def work(db: Connection) -> None:
            # Whoever has it by now; one that was deleted meanwhile stays away.
            owners = select(entries.c.n, entries.c.owner).where(entries.c.n.in_(list(described)))
            for number, owner in db.execute(owners).all():
                if descriptor := described[number]:
                    self.keep(db, number, owner, descriptor)
                else:
                    done = update(entries).where(entries.c.n == number)
                    db.execute(done.values(described=VERSION))

        if described:
            await self._database.run(work)

    async def _load(self) -> None:
        """Load all descriptors into memory, once."""
        async with self._loading:
            after = -1
            while self._noted is not None:
                rows = await self._stored(after)
                with self._guard:
                    self._index.extend([row for row in rows if row[0] not in self._noted])
                    if not rows:
                        self._noted = None
                after = rows[-1][0] if rows else after

    async def _stored(self, after: int) -> list[tuple[int, str, Descriptor]]:
        """Return number, owner and descriptor of the next entries after a number."""
        query = (
            select(descriptors, entries.c.owner)
            .join(entries, entries.c.n == descriptors.c.entry_n)
            .where(descriptors.c.entry_n > after, entries.c.described == VERSION)
            .order_by(descriptors.c.entry_n)
            .limit(LOADED)
        )
        found = await self._database.run(lambda db: db.execute(query).all())
        return [
            (row.entry_n, row.owner, Descriptor(bytes(row.colours), bytes(row.layout)))
            for row in found
        ]

    async def _probe(self, owner: str, wanted: Wanted) -> tuple[int | None, Probe]:
        colour = colour_in(wanted.colour) if wanted.colour else None
        await self._load()
        if not wanted.like:
            return None, Probe(colour)
        number, thumbnail = await self._known(owner, wanted.like, "like")
        return number, Probe(colour, await self._descriptor(number, thumbnail))

    async def _known(self, owner: str, entry_id: str, field: str) -> tuple[int, str]:
        """Return number and thumbnail of an owner's entry."""
        query = select(entries.c.n, entries.c.facts)
        query = query.where(entries.c.id == entry_id, entries.c.owner == owner)
        row = await self._database.run(lambda db: db.execute(query).first())
        if row is None:
            raise InputError(english("exports-there-no-such-image-in"), field=field)
        return row.n, _thumbnail(row.facts)

    async def _descriptor(self, number: int, thumbnail: str) -> Descriptor:
        """Return an entry's descriptor, also of one that the background has not come to yet."""
        if known := self._index.of(number):
            return known
        return await self._read(thumbnail, describe_file)

    async def _read(self, thumbnail: str, read: Callable[[bytes], T]) -> T:
        """Read an image's thumbnail in a thread; raises HistoryError where that cannot be."""
        data = await self._storage.read(thumbnail)
        try:
            return await asyncio.to_thread(read, data)
        except DECODER_ERRORS as error:
            raise HistoryError(
                english("history-thumbnail-image-damaged-so-nothing"),
                advice=english("history-choose-another-image"),
            ) from error

    async def _numbers(self, owner: str, wanted: Wanted) -> NDArray[np.int64]:
        """Return the numbers of all entries that are wanted, whatever they look like."""

        def work(db: Connection) -> str:
            # One text is read ten times as fast as a hundred thousand rows.
            numbers = search.numbers(db, owner, wanted).subquery().c.n
            joined = (
                func.group_concat(numbers)
                if db.dialect.name == "sqlite"
                else func.string_agg(cast(numbers, Text), ",")
            )
            return db.execute(select(joined)).scalar_one() or ""

        text = await self._database.run(work)
        return np.fromstring(text, np.int64, sep=",") if text else np.zeros(0, np.int64)

    async def _still(self, owner: str, numbers: NDArray[np.int64]) -> set[int]:
        """Return those of some numbers that are an owner's entries and not in the trash."""
        held = select(entries.c.n).where(entries.c.owner == owner, entries.c.deleted_at.is_(None))
        found: set[int] = set()
        for start in range(0, len(numbers), LOADED):
            query = held.where(entries.c.n.in_(numbers[start : start + LOADED].tolist()))
            found |= await self._database.run(
                lambda db, query=query: {*db.execute(query).scalars()}  # type: ignore[misc]
            )
        return found

    async def _place(
        self, owner: str, wanted: Wanted, anchor: str, found: Sequence[tuple[int, float]]
    ) -> tuple[int, int] | None:
        """Return where an entry begins and ends among the nearest, also where it is none of them.

        None for one that is unknown, or that cannot be compared.
        """
        try:
            number, _ = await self._known(owner, anchor, "before")
        except InputError:
            return None
        for place, (other, _far) in enumerate(found):
            if other == number:
                return place, place + 1
        _, probe = await self._probe(owner, wanted)
        numbers, far = self._index.closest(owner, probe, most=1, among=np.array([number]))
        if not numbers.size:
            return None
        key = (float(far[0]), -number)
        place = sum((distance, -other) < key for other, distance in found)
        return place, place

    async def _entries(self, owner: str, numbers: Sequence[int]) -> list[Entry]:
        """Return an owner's entries by their numbers, in that order."""
        found = await self.numbered(owner, numbers)
        return [found[number] for number in numbers if number in found]

    async def numbered(self, owner: str, numbers: Sequence[int]) -> dict[int, Entry]:
        """Return an owner's entries by their numbers; those that are gone are left out."""
        query = select(entries).where(entries.c.n.in_(list(numbers)), entries.c.owner == owner)
        return await self._database.run(
            lambda db: {row["n"]: entry_of(row) for row in db.execute(query).mappings()}
        )


def _thumbnail(facts: str) -> str:
    """Return the name of a thumbnail; "" where somebody broke the row."""
    try:
        return str(json.loads(facts)["thumbnail"])
    except (ValueError, LookupError, TypeError):
        return ""
