"""Hands images over: one as a file, thousands as a zip, a contact sheet; what fails is said.

From a page: `order_export` checks what is wished for and returns a name, `find_export` finds it
again when the browser fetches it. From a program: `export`, `export_one`, `contact_sheet`,
`manifest`.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from core.errors import InputError, PlaygroundError
from core.exports import contact, image, names
from core.exports.image import ENDINGS, Wish
from core.exports.manifest import as_csv, as_json
from core.exports.orders import Order, Orders
from core.exports.zips import Files, zipped
from core.history import Entry, History
from core.storage.files import explained
from core.words import english

AT_ONCE = 100
"""Entries that are looked up together."""
MOST = 20_000
"""Images of one zip."""
RESERVED = ("manifest.csv", "manifest.json", "problems.txt")
"""Names of a zip that no image gets."""
KINDS = ("zip", "image", "sheet.png", "sheet.pdf", "manifest.csv", "manifest.json")
"""What a selection can be downloaded as; "image" is the file of one image by itself."""
SHEETS: Mapping[str, int] = {"png": contact.MOST_ON_ONE, "pdf": 2_000}
"""The kinds of contact sheets, and how many images each can hold."""


class Exporting:
    """What the studio does to hand images over; every question is asked in an owner's name."""

    history: History
    orders: Orders

    def order_export(
        self, ids: Sequence[str], wish: Wish, *, owner: str, kind: str = "zip", title: str = ""
    ) -> str:
        """Keep a selection until the browser fetches it, and return the name it is fetched by.

        Raises InputError at once for what cannot be: no ids or too many, another kind.
        """
        if kind not in KINDS:
            said = english("exports-there-no-download-as", kind=str(kind)[:40])
            raise InputError(
                said, field="kind", advice=english("exports-choose-one", known=", ".join(KINDS))
            )
        check(ids, SHEETS.get(kind.removeprefix("sheet."), 1 if kind == "image" else MOST))
        return self.orders.place(Order(owner, tuple(ids), kind, wish, title))

    def find_export(self, name: str) -> Order | None:
        """Return what was ordered under a name; None when it was never, or too long ago."""
        return self.orders.find(name)

    async def manifest(self, ids: Sequence[str], kind: str, wish: Wish, *, owner: str) -> bytes:
        """Return the table of a selection alone, as "csv" or "json"; no image is read.

        It tells what the profile tells, and the names that the files of a zip would have.
        """
        check(ids)
        taken = set(RESERVED)
        lines = []
        async for number, _, entry in self._entries(ids, owner):
            if entry:
                facts = image.facts(entry, number)
                name = names.name(wish.names, facts, _ending(entry, wish), taken)
                lines.append(image.line(entry, name, wish))
        told = {"profile": wish.profile, "images": lines}
        return await asyncio.to_thread(as_csv, lines) if kind == "csv" else as_json(told)

    async def export_one(self, entry_id: str, wish: Wish, *, owner: str) -> tuple[str, bytes]:
        """Return one image's file name and its file, as it is wished for.

        Raises InputError when the owner has no such image, HistoryError when its file is gone,
        damaged or was changed.
        """
        entry = await self.history.get(entry_id, owner=owner)
        file = await self._made(entry, wish)
        return names.name(wish.names, image.facts(entry, 1), _ending(entry, wish), set()), file

    def export(self, ids: Sequence[str], wish: Wish, *, owner: str) -> Files:
        """Yield the files of a zip for `core.exports.zips.zipped`: images, manifests, problems.

        An image that cannot be handed over is left out, and `problems.txt` says why; nothing is
        read before it is asked for, and no more than one image is in memory. Raises InputError at
        once when there are none or too many ids.
        """
        check(ids)
        return self._files(ids, wish, owner)

    async def export_file(self, path: Path, ids: Sequence[str], wish: Wish, *, owner: str) -> None:
        """Write the zip to a file of its own, which is whole or not there at all.

        Raises InputError when none of the images can be handed over, HistoryError when the disk is
        full or cannot be written.
        """
        files = self.export(ids, wish, owner=owner)
        try:
            await _written(path, files)
        except OSError as error:
            _remove(path)
            raise explained(error) from error
        except BaseException:  # a caller that left is no reason to leave half a file
            _remove(path)
            raise

    async def contact_sheet(
        self, ids: Sequence[str], kind: Any, wish: Wish, *, owner: str, title: str = ""
    ) -> bytes:
        """Return a contact sheet of an owner's images as "png" or "pdf", with captions.

        Captions tell what the profile of the wish tells: nothing but a number in *clean*. A letter
        for which this server has no font is drawn as a box, and the sheet says so. Raises
        InputError for another kind, and for more images than such a sheet can hold.
        """
        if kind not in SHEETS:
            known = ", ".join(SHEETS)
            said = english("exports-there-no-contact-sheet-as", kind=str(kind)[:40])
            raise InputError(said, field="kind", advice=english("exports-choose-one", known=known))
        check(ids, SHEETS[kind])
        if kind == "png":
            cells = [cell async for cell in self._cells(ids, wish, owner)]
            return await asyncio.to_thread(contact.png, cells, title)
        try:
            with tempfile.TemporaryDirectory(prefix="sheet-") as folder:
                return await self._pdf(contact.Pdf(Path(folder), title), ids, wish, owner)
        except OSError as error:
            raise explained(error) from error

    async def _pdf(self, sheet: contact.Pdf, ids: Sequence[str], wish: Wish, owner: str) -> bytes:
        page: list[contact.Cell] = []
        async for cell in self._cells(ids, wish, owner):
            page.append(cell)
            if len(page) == contact.ACROSS * contact.DOWN:
                await asyncio.to_thread(sheet.add, page)
                page = []
        if page:
            await asyncio.to_thread(sheet.add, page)
        return await asyncio.to_thread(sheet.whole)

    async def _cells(
        self, ids: Sequence[str], wish: Wish, owner: str
    ) -> AsyncIterator[contact.Cell]:
        async for number, _, entry in self._entries(ids, owner):
            if entry is None:
                yield contact.Cell(None, (english("exports-there-no-such-image-in"), ""))
                continue
            try:
                small = await self.history.storage.read(entry.thumbnail)
            except PlaygroundError as error:
                yield contact.Cell(None, (str(error), ""))
                continue
            yield contact.Cell(small, image.caption(entry, number, wish))

    async def _files(self, ids: Sequence[str], wish: Wish, owner: str) -> Files:
        taken = set(RESERVED)
        lines: list[dict[str, Any]] = []
        problems: list[str] = []
        async for number, entry_id, entry in self._entries(ids, owner):
            try:
                if entry is None:
                    raise InputError(english("exports-there-no-such-image-in"))
                file = await self._made(entry, wish)
            except PlaygroundError as error:
                problems.append(f"{entry_id}: {error} {error.advice}".strip())
                continue
            facts = image.facts(entry, number)
            name = names.name(wish.names, facts, _ending(entry, wish), taken)
            if wish.manifest:
                lines.append(image.line(entry, name, wish))
            yield name, file
        if wish.manifest and wish.profile != "clean":
            yield "manifest.csv", await asyncio.to_thread(as_csv, lines)
            told = {"profile": wish.profile, "images": lines}
            yield "manifest.json", await asyncio.to_thread(as_json, told)
        if problems:
            head = english("exports-images-are-not-in-zip", problems=len(problems), ids=len(ids))
            yield "problems.txt", "\n".join([head, *problems, ""]).encode()

    async def _entries(
        self, ids: Sequence[str], owner: str
    ) -> AsyncIterator[tuple[int, str, Entry | None]]:
        """Yield each id once, with its place and its entry; None where the owner has none."""
        once = list(dict.fromkeys(ids))
        for start in range(0, len(once), AT_ONCE):
            some = once[start : start + AT_ONCE]
            found = await self.history.some(some)
            for number, entry_id in enumerate(some, start + 1):
                entry = found.get(entry_id)
                own = entry and entry.owner == owner and entry.deleted_at is None
                yield number, entry_id, entry if own else None

    async def _made(self, entry: Entry, wish: Wish) -> bytes:
        data = await self.history.storage.read(entry.file)
        return await asyncio.to_thread(image.made, data, entry, wish)


async def _written(path: Path, files: Files) -> None:
    images = 0

    async def counted() -> Files:
        nonlocal images
        async for name, data in files:
            images += name not in RESERVED
            yield name, data

    with path.open("wb") as file:
        async for part in zipped(counted()):
            await asyncio.to_thread(file.write, part)
    if not images:
        raise InputError(
            english("exports-none-these-images-can-handed"),
            field="ids",
            advice=english("exports-history-lists-what-there"),
        )


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def check(ids: Sequence[str], most: int = MOST) -> None:
    """Raise InputError for no ids, for too many, and for what cannot be one."""
    if not ids:
        raise InputError(
            english("exports-no-image-chosen"),
            field="ids",
            advice=english("exports-choose-at-least-one"),
        )
    if len(ids) > most:
        raise InputError(
            english("exports-these-are-images-one-export", ids=f"{len(ids):,}", most=f"{most:,}"),
            field="ids",
            advice=english("exports-choose-fewer-or-export-part"),
        )
    if not all(isinstance(one, str) and 0 < len(one) <= 32 for one in ids):
        raise InputError(
            english("exports-ids-must-those-entries"),
            field="ids",
            advice=english("exports-history-lists-them"),
        )


def _ending(entry: Entry, wish: Wish) -> str:
    return ENDINGS.get(wish.encoding(entry), PurePosixPath(entry.file).suffix)
