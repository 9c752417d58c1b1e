"""The trash: what was deleted can be restored for some days; then its row goes, then its files.

The transaction that takes a row away notes the names of its files, and the notes go after the
files. So a row never points at nothing, a file without a row is always noted, and a process may end
between any two steps: the next one goes on with the notes.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from core.history import index
from core.history.entry import INPUT, entry_of, input_name, source_in
from core.history.history import History
from core.history.records import record_name
from core.storage.tables import entries, removals

STEP = 100
"""Images whose rows go in one transaction."""
DAY_S = 24 * 3600.0


class Trash:
    """Takes images away for good; what is put in and taken out is a change of many images."""

    def __init__(self, history: History, *, days: float) -> None:
        self._history = history
        self.days = days
        """How long an image stays after it was deleted."""

    async def sweep(self) -> int:
        """Remove what has been in the trash for long enough, of all owners; return how many."""
        await self.finish()
        old = entries.c.deleted_at < time.time() - self.days * DAY_S
        gone = 0
        while step := await self._take(old):
            gone += step
        return gone

    async def empty(self, owner: str, ids: Sequence[str] | None = None) -> AsyncGenerator[int]:
        """Remove an owner's deleted images for good, all or those of `ids`, in steps.

        Yields how many are gone. What is put into the trash meanwhile stays there. Closing the
        iterator stops it between two steps.
        """
        now, gone = time.time(), 0
        mine = (entries.c.owner == owner) & (entries.c.deleted_at <= now)
        wanted = [list(ids[n : n + STEP]) for n in range(0, len(ids), STEP)] if ids else [None]
        for some in wanted:
            which = mine if some is None else mine & entries.c.id.in_(some)
            while step := await self._take(which):
                gone += step
                yield gone

    async def count(self, owner: str) -> int:
        """Return how many images of an owner are in the trash."""
        deleted = (entries.c.owner == owner) & entries.c.deleted_at.is_not(None)
        query = select(func.count()).where(deleted)
        return await self._history.database.run(lambda db: int(db.execute(query).scalar_one()))

    async def _take(self, which: ColumnElement[bool]) -> int:
        """Remove some of the deleted images that a condition names; return how many."""
        deleted = entries.c.deleted_at.is_not(None)
        query = select(entries).where(deleted, which).order_by(entries.c.n).limit(STEP)

        def work(db: Connection) -> int:
            rows = db.execute(query.with_for_update()).mappings().all()
            if not rows:
                return 0
            ids = [row["id"] for row in rows]
            notes = [note for row in rows for note in _files_of(row)]
            if notes:
                db.execute(insert(removals), notes)
            index.remove(db, ids)
            return len(rows)

        taken = await self._history.database.run(work)
        if taken:
            await self.finish()
        return taken

    async def finish(self) -> None:
        """Remove the files that are noted, also those that an earlier process left."""
        query = select(removals).order_by(removals.c.n).limit(4 * STEP)
        while found := await self._history.database.run(lambda db: db.execute(query).all()):
            await self._remove([note.name for note in found if not INPUT.fullmatch(note.name)])
            inputs = sorted({note.name for note in found if INPUT.fullmatch(note.name)})
            await self._history.release(inputs)
            done = delete(removals).where(removals.c.n.in_([note.n for note in found]))
            await self._history.database.run(lambda db, done=done: db.execute(done))  # type: ignore[misc]

    async def _remove(self, names: Sequence[str]) -> None:
        async with self._history.records.lock:
            for name in names:
                await self._history.storage.delete(name)


def _files_of(row: Any) -> list[dict[str, Any]]:
    """Return the notes of an entry's files: image, thumbnail, record, and where it began."""
    try:
        entry = entry_of(row)
    except (TypeError, ValueError, AttributeError):  # somebody broke it: nobody knows its files
        return []
    names = [entry.file, entry.thumbnail, record_name(entry.file)]
    if source := source_in(entry.params):
        names.append(input_name(source))
    return [{"name": name} for name in names]
