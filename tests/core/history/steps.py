"""What tests of the history repeat: images without a backend, and removing them for good."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, TypeVar

from core.history import Entry, History
from core.history.changes import restore, star, throw_away
from core.history.keeping import Keeping
from core.storage.database import Database
from core.storage.files import Storage
from core.studio import Studio
from tests.core.test_history import entry
from tests.fakes import picture

T = TypeVar("T")
DELETE, RESTORE, STAR = throw_away, restore, star


async def all_of(steps: AsyncGenerator[T]) -> list[T]:
    """Return everything that a change of many images tells."""
    return [one async for one in steps]


async def remove(studio: Studio | Keeping, entry_id: str, *, owner: str) -> None:
    """Delete an image and take it out of the trash for good."""
    await studio.delete(entry_id, owner=owner)
    await all_of(studio.empty_trash(owner, [entry_id]))


async def kept_in(folder: Path, *, days: float = 30.0) -> Keeping:
    """Open the history of a folder."""
    database = Database(f"sqlite:///{folder / 'playground.db'}")
    await database.migrate()
    return Keeping(History(database, Storage(str(folder))), trash_days=days)


async def add(
    keeping: Keeping | Studio, *numbers: int, owner: str = "ann", **more: Any
) -> list[Entry]:
    """Add images with their files."""
    made = [entry(number, owner=owner, **more) for number in numbers]
    for one in made:
        await keeping.history.add(
            one, file=picture(one.seed), thumbnail=b"small", also=lambda db: None
        )
    return made


def files(folder: Path) -> set[str]:
    """Return the names of all stored files, the database's own left out."""
    names = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {name.as_posix() for name in names if len(name.parts) > 1}
