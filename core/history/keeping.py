"""What the studio does with finished images: trash, collections, tags, titles, notes, lineage."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from core.errors import InputError, PlaygroundError
from core.history import changes, lineage
from core.history.changes import Step
from core.history.collections import Collection, Collections, storable
from core.history.entry import Entry
from core.history.history import Change, History
from core.history.lineage import Lineage
from core.history.search import Wanted
from core.history.trash import DAY_S, Trash
from core.history.words import MOST_WORDS, words_in
from core.jobs.sets import titled
from core.pictures import Picture
from core.words import english

log = logging.getLogger(__name__)

MOST_NOTE = 10_000
MADE_INTO = 50
"""Images made from one image that are told of at once."""
RECORDS_EVERY_S = 2.0
AFTER_ERROR_S = 60.0
PROMPTS_STEP = 200
MADE_WITH = 1_000
"""Images whose prompts are looked through."""
TYPED_FROM = 100
"""The same while somebody types."""


class Keeping:
    """The studio's part that keeps finished images in order."""

    def __init__(self, history: History, *, trash_days: float) -> None:
        self.history = history
        self._trash = Trash(history, days=trash_days)
        self._collections = Collections(history.database)

    @property
    def trash_days(self) -> float:
        """How many days a deleted image can be restored."""
        return self._trash.days

    # One image

    async def star(self, entry_id: str, *, owner: str, starred: bool) -> Entry:
        """Mark or unmark an entry as a favourite."""
        await self._one(changes.star(starred), entry_id, owner)
        return await self.history.get(entry_id, owner=owner)

    async def delete(self, entry_id: str, *, owner: str) -> None:
        """Put an image into the trash, from which it can be restored for `trash_days` days."""
        await self._one(changes.throw_away(), entry_id, owner)

    async def restore(self, entry_id: str, *, owner: str) -> Entry:
        """Take an image out of the trash."""
        await self.history.get(entry_id, owner=owner, trash=True)
        await self.history.change(changes.restore(), [entry_id], owner=owner)
        return await self.history.get(entry_id, owner=owner)

    async def describe(
        self, entry_id: str, *, owner: str, title: str | None = None, note: str | None = None
    ) -> None:
        """Give an image a title, a note, or both; "" takes one away, None leaves it."""
        title = None if title is None else titled(storable(title))
        note = None if note is None else noted(note)
        await self.history.describe(entry_id, owner=owner, title=title, note=note)

    async def lineage(self, entry_id: str, *, owner: str) -> Lineage:
        """Return what an image was made from and into, and its set."""
        entry = await self.history.get(entry_id, owner=owner)
        above, below, more, made = await lineage.related(self.history.database, entry, MADE_INTO)
        strength = entry.params.get("strength")
        source = await self.history.source_of(entry)
        return Lineage(
            made_from=above,
            strength=float(strength) if source and isinstance(strength, int | float) else None,
            source=source,
            made_into=below,
            more=more,
            set_id=made[0] if made else None,
            set_title=made[1] if made else "",
        )

    async def same_source(self, picture: Picture, small: Picture) -> None:
        """Note that an image to start from was made smaller and is the same entries' image."""
        await lineage.derive(self.history.database, picture.sha256, small.sha256)

    async def prompts(self, owner: str, query: str = "", *, limit: int = 20) -> Sequence[str]:
        """Return prompts of an owner's newest images, each once; `query` as in a search.

        The last word of `query` may go on, so this completes what somebody types.
        """
        found: dict[str, None] = {}
        before, wanted = "", Wanted(query=query)
        for _ in range(0, MADE_WITH, PROMPTS_STEP):
            page = await self.history.page(owner, wanted, limit=PROMPTS_STEP, before=before)
            found |= dict.fromkeys(entry.prompt for entry in page)
            if len(found) >= limit or len(page) < PROMPTS_STEP:
                break
            before = page[-1].id
        return list(found)[:limit]

    async def completions(self, owner: str, typed: str, *, limit: int = 6) -> Sequence[str]:
        """Return other prompts of an owner's newest images that hold what is typed, each once.

        Those that begin with it come first. Signs and upper case do not matter, and the last word
        may go on; of a long text its beginning alone is looked for.
        """
        words = words_in(typed)[:MOST_WORDS]
        if not words:
            return []
        wanted = Wanted(query='"' + " ".join(words))
        page = await self.history.page(owner, wanted, limit=TYPED_FROM)
        told = {entry.prompt: f" {' '.join(words_in(entry.prompt))} " for entry in page}
        part = f" {' '.join(words)}" + " " * typed[-1].isspace()
        holding = [one for one in told if part in told[one] and one.strip() != typed.strip()]
        return sorted(holding, key=lambda one: not told[one].startswith(part))[:limit]

    # Many images

    async def change_all(
        self, change: Change, chosen: Sequence[str] | Wanted, *, owner: str
    ) -> AsyncGenerator[Step]:
        """Carry a change out on many images in steps; yields how far it is, first with 0 done.

        `change` is one of `core.history.changes`: `star(True)`, `throw_away()`, `restore()`,
        `collect(id)`, `take_out(id)`, `tag(name)`, `untag(name)`. `chosen` are ids, or all that a
        search finds when it begins. Ids that are not the owner's are passed over. Close the
        iterator to stop: what was changed until then stays changed.
        """
        async with aclosing(self.history.in_steps(chosen, owner=owner)) as steps:
            changed = 0
            async for ids, done, total in steps:
                changed += await self.history.change(change, ids, owner=owner) if ids else 0
                yield Step(done, total, changed)

    async def change_these(self, change: Change, ids: Sequence[str], *, owner: str) -> int:
        """Carry a change out on the images of `ids` and return how many it changed.

        Raises InputError, before anything is changed, where one of them is not the owner's.
        """
        await self.check_known(ids, owner=owner)
        changed = 0
        async with aclosing(self.change_all(change, ids, owner=owner)) as steps:
            async for step in steps:
                changed = step.changed
        return changed

    async def check_known(self, ids: Sequence[str], *, owner: str) -> None:
        """Raise InputError where one of these is no image of the owner's, in the trash or not."""
        await self.history.check_known(ids, owner=owner)

    # The trash

    async def is_in_trash(self, entry_id: str) -> bool | None:
        """Whether an image is in the trash; None where there is none of that id."""
        return await self.history.is_in_trash(entry_id)

    async def in_trash(self, owner: str) -> int:
        """Return how many images of an owner are in the trash."""
        return await self._trash.count(owner)

    async def empty_trash(
        self, owner: str, ids: Sequence[str] | None = None
    ) -> AsyncGenerator[Step]:
        """Remove an owner's deleted images for good, in steps; with `ids` only those.

        Yields how far it is, first with 0 done. Close the iterator to stop.
        """
        total = await self._trash.count(owner)
        total = total if ids is None else min(total, len(ids))
        yield Step(0, total, 0)
        async with aclosing(self._trash.empty(owner, ids)) as steps:
            async for gone in steps:
                yield Step(gone, max(total, gone), gone)

    # Collections and tags

    async def collections(self, owner: str) -> Sequence[Collection]:
        """Return an owner's collections by title, each with how many images it has."""
        return await self._collections.list(owner)

    async def create_collection(self, title: str, *, owner: str) -> Collection:
        """Make an empty collection; raises InputError for a title that is empty or taken."""
        return await self._collections.create(title, owner=owner)

    async def collection_named(self, name: str, *, owner: str) -> str:
        """Return the id of a collection by its id or title; makes one of that title if needed."""
        return await self._collections.named(name, owner=owner)

    async def check_collection(self, collection_id: str, *, owner: str) -> None:
        """Raise InputError where an owner has no such collection."""
        await self._collections.check(collection_id, owner=owner)

    async def rename_collection(self, collection_id: str, title: str, *, owner: str) -> None:
        """Give a collection another title."""
        await self._collections.rename(collection_id, title, owner=owner)

    async def delete_collection(self, collection_id: str, *, owner: str) -> None:
        """Forget a collection; its images stay in the history."""
        await self._collections.delete(collection_id, owner=owner)

    async def collections_of(self, entry_id: str, *, owner: str) -> Sequence[tuple[str, str]]:
        """Return the collections that an image is in, as pairs of id and title."""
        return await self._collections.of(entry_id, owner=owner)

    async def tags(self, owner: str) -> Sequence[tuple[str, int]]:
        """Return an owner's tags with how many images have each, the most used first."""
        return await self._collections.tags(owner)

    async def tags_of(self, entry_id: str, *, owner: str) -> Sequence[str]:
        """Return the tags of an image."""
        return await self._collections.tags_of(entry_id, owner=owner)

    async def models(self, owner: str) -> Sequence[str]:
        """Return the models that made an owner's images, by name."""
        return await self.history.models(owner)

    # In the background

    async def _keep_records(self) -> None:
        """Write beside the images what changed, as long as the studio runs.

        Where there is much of it, it rests for as long as it works: nobody waits for it.
        """
        while True:
            rest = RECORDS_EVERY_S
            try:
                begun = time.monotonic()
                if await self.history.records.write_some():
                    rest = min(rest, time.monotonic() - begun)
            except PlaygroundError as error:
                log.warning("What belongs to the images could not be written: %s", error)
                rest = AFTER_ERROR_S
            await asyncio.sleep(rest)

    async def _sweep_daily(self) -> None:
        """Empty the trash of what was there for long enough: now and every day."""
        while True:
            try:
                await self._trash.sweep()
            except PlaygroundError as error:
                log.warning("The trash could not be emptied: %s", error)
            await asyncio.sleep(DAY_S)

    async def _one(self, change: Change, entry_id: str, owner: str) -> None:
        await self.history.get(entry_id, owner=owner)
        await self.history.change(change, [entry_id], owner=owner)


def noted(note: str) -> str:
    """Return a note without blanks around it, or raise InputError when it is too long."""
    note = storable(note).strip()
    if len(note) > MOST_NOTE:
        raise InputError(
            english("note-too-long", most=f"{MOST_NOTE:,}"),
            field="note",
            advice=english("shorten-it"),
        )
    return note
