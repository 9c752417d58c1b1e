"""Finds all images of an owner that show the same, in the background and in small steps.

What the descriptors propose is looked at in the thumbnails, as for one image alone. All of a group
show what its first image shows, so that none is there only for being like another that is.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.errors import HistoryError, PlaygroundError
from core.history.entry import Entry
from core.history.likeness import COMPARED, Likeness
from core.likeness import Alike, SameImage
from core.pictures.load import DECODER_ERRORS
from core.storage.files import Storage

PATIENCE_S = 30.0
"""A search that nobody asks about for so long ends."""
AT_ONCE = 200
"""Entries that are read from the database at once."""


@dataclass(frozen=True, slots=True)
class Group:
    """Images that show the same. The one to keep comes first: starred, then large, then old."""

    entries: Sequence[Entry]
    copies: Sequence[bool]
    """Of each image, whether another one of the group is the very same file."""


@dataclass(slots=True)
class Search:
    """How far the search for an owner's duplicates is."""

    stage: str = "colours"
    """Where colours lie is compared at first ("colours"), then what is seen ("details")."""
    done: int = 0
    total: int = 0
    groups: list[Group] | None = None
    """None while it goes on."""
    error: PlaygroundError | None = None
    asked_at: float = field(default_factory=time.monotonic)


class Duplicates:
    """Searches for one owner at a time; others wait for their turn."""

    def __init__(self, likeness: Likeness, storage: Storage) -> None:
        self._likeness = likeness
        self._storage = storage
        self._turn = asyncio.Lock()
        self._running: dict[str, tuple[Search, asyncio.Task[None]]] = {}

    def look(self, owner: str) -> Search:
        """Return how far the search for an owner is; begin one where there is none.

        What it found is told once. Raises HistoryError where it could not go on.
        """
        known = self._running.get(owner)
        if known is None or (known[1].done() and _abandoned(known[0])):
            search = Search()
            self._running[owner] = search, asyncio.create_task(self._run(owner, search))
        search, task = self._running[owner]
        search.asked_at = time.monotonic()
        if task.done():
            del self._running[owner]
        if search.error:
            raise search.error
        return search

    async def aclose(self) -> None:
        """End all searches."""
        tasks = [task for _, task in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, owner: str, search: Search) -> None:
        try:
            async with self._turn:
                search.groups = await self._search(owner, search)
        except PlaygroundError as error:
            search.error = error
        finally:
            if search.groups is None and search.error is None:  # nobody waits for it any more
                self._running.pop(owner, None)

    async def _search(self, owner: str, search: Search) -> list[Group] | None:
        numbers, layouts = await self._likeness.layouts(owner)
        search.total = len(numbers)
        alike = await asyncio.to_thread(Alike, layouts)
        steps = alike.steps()
        while (done := await asyncio.to_thread(next, steps, None)) is not None:
            search.done = done
            if _abandoned(search):
                return None
        proposed = await asyncio.to_thread(_Proposed, alike)
        search.stage, search.done, search.total = "details", 0, len(proposed.rows)
        found: list[Group] = []
        for row in proposed.rows:
            search.done += 1
            if _abandoned(search):
                return None
            if others := proposed.of(row):
                same = await self._same(
                    owner, [int(numbers[one]) for one in (row, *others)], search
                )
                proposed.settle([row, *((row, *others)[place] for place in same)])
                if len(same) > 1:
                    found.append(await self._group(list(same.values())))
        return found

    async def _same(
        self, owner: str, numbers: Sequence[int], search: Search
    ) -> dict[int, tuple[Entry, bytes]]:
        """Return those of some entries that show what the first shows, that one too.

        By their places, each with the digest of its thumbnail; where many do not show it, the rest
        are not looked at.
        """
        first, own = None, b""
        found: dict[int, tuple[Entry, bytes]] = {}
        failed = 0
        for start in range(0, len(numbers), AT_ONCE):
            entries = await self._likeness.numbered(owner, numbers[start : start + AT_ONCE])
            for place, number in enumerate(numbers[start : start + AT_ONCE], start):
                if failed == COMPARED or (place and first is None) or _abandoned(search):
                    return found
                try:
                    entry = entries[number]
                    data = await self._storage.read(entry.thumbnail)
                    if first is None:
                        first, own = await asyncio.to_thread(SameImage, data), data
                    elif data != own and not await asyncio.to_thread(first.is_shown_by, data):
                        failed += 1
                        continue
                except (HistoryError, KeyError, *DECODER_ERRORS):
                    continue  # it is gone or damaged: nobody can tell
                found[place] = entry, hashlib.sha256(data).digest()
        return found

    async def _group(self, same: Sequence[tuple[Entry, bytes]]) -> Group:
        """Put a group in order, and find which of its files are the very same."""
        told = [(one.width, one.height, one.format, small) for one, small in same]
        often = Counter(told)
        files: dict[str, bytes] = {}
        for (entry, _), facts in zip(same, told, strict=True):
            if often[facts] > 1:
                try:
                    data = await self._storage.read(entry.file)
                except HistoryError:
                    continue
                files[entry.id] = (await asyncio.to_thread(hashlib.sha256, data)).digest()
        copies = Counter(files.values())
        order = sorted((entry for entry, _ in same), key=_worth)
        return Group(order, [copies[files.get(one.id, b"")] > 1 for one in order])


class _Proposed:
    """Which images may show the same as an image; those that are in a group already may not."""

    def __init__(self, alike: Alike) -> None:
        self._kinds = alike.kinds
        self._members = alike.members()
        self._near = alike.near
        self._settled: set[int] = set()
        several = {kind for kind, rows in enumerate(self._members) if len(rows) > 1}
        kinds = several | self._near.keys()
        self.rows: Sequence[int] = [
            row for row, kind in enumerate(self._kinds.tolist()) if kind in kinds
        ]
        """Images that any other may show the same as, the newest first."""

    def of(self, row: int) -> list[int]:
        """Return those other images, the nearest first."""
        if row in self._settled:
            return []
        kind = int(self._kinds[row])
        kinds = [kind, *(other for _, other in sorted(self._near.get(kind, ())))]
        found = (int(one) for other in kinds for one in self._members[other])
        return [one for one in found if one != row and one not in self._settled]

    def settle(self, rows: Sequence[int]) -> None:
        """Take note that images are in a group, or in none."""
        self._settled.update(rows)


def _worth(entry: Entry) -> tuple[bool, bool, int, bool, float]:
    """Return by what the image that is worth most comes first."""
    told = bool(entry.title or entry.note)
    pixels = entry.width * entry.height
    return not entry.starred, not told, -pixels, entry.format != "png", entry.created_at


def _abandoned(search: Search) -> bool:
    return time.monotonic() - search.asked_at > PATIENCE_S
