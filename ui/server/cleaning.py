"""Removes what was uploaded or handed out and that nobody comes back for."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from core.errors import PlaygroundError
from core.studio import Studio
from ui.server.gradio_patches.folder import PLACE, use_for_mcp
from ui.server.gradio_patches.folder import folder as gradios_folder
from ui.server.gradio_patches.uploading import DRAFT

log = logging.getLogger(__name__)

EVERY_S = 600.0
RARELY = 36
"""How often the folder is cleaned for each look through all entries."""
KEPT_S = 24 * 3600.0
"""How long a file that a browser or script sent or was handed stays, in seconds."""
YOUNG_S = 900.0
"""A file so young may be in use, however full the folder is, in seconds."""
MOST_BYTES = 2_000_000_000
"""Of the folder; beyond it the oldest files go first."""


def own_folder() -> None:
    """Give Gradio a folder of this program's own, unless its variable names one.

    Its default is shared by every Gradio program of the machine, so nobody could clean it. A folder
    of that name that another user has made is not taken: it could be a link to anywhere.
    """
    if not os.environ.get("GRADIO_TEMP_DIR"):
        user = os.getuid() if hasattr(os, "getuid") else 0  # Windows has private folders anyway
        folder = Path(tempfile.gettempdir()) / f"srpo-playground-{user}"
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            ours = _is_folder(folder) and folder.lstat().st_uid == user
        except OSError:
            ours = False
        if not ours:
            folder = Path(tempfile.mkdtemp(prefix="srpo-playground-"))
        os.environ["GRADIO_TEMP_DIR"] = str(folder)
    use_for_mcp()


def clean(folder: Path, now: float, *, most: int = MOST_BYTES) -> int:
    """Remove old files of a folder, and the oldest where it is too full; return how many went.

    `now` is in Unix seconds. Only what Gradio has put there is looked at, in case the folder is
    used for something else as well. Links are removed, never followed.
    """
    files = []
    for path in _files(folder):
        with suppress(OSError):
            found = path.lstat()
            files.append((max(found.st_mtime, found.st_ctime), found.st_size, path))
    left = sum(size for _at, size, _path in files)
    gone = 0
    for at, size, path in sorted(files):
        age = now - at
        if age <= YOUNG_S or (age <= KEPT_S and left <= most):
            break
        with suppress(OSError):
            path.unlink()
            left, gone = left - size, gone + 1
    for place in _places(folder):
        with suppress(OSError):
            if now - place.stat().st_mtime > YOUNG_S:
                place.rmdir()  # only if it is empty
    return gone


def _files(folder: Path) -> Iterator[Path]:
    for place in _places(folder):
        with suppress(OSError):
            yield from [path for path in place.iterdir() if not _is_folder(path)]
    if folder.resolve() != Path(tempfile.gettempdir()).resolve():  # where anybody's drafts are
        with suppress(OSError):
            found = [path for path in folder.iterdir() if DRAFT.fullmatch(path.name)]
            yield from [path for path in found if not _is_folder(path)]


def _places(folder: Path) -> list[Path]:
    try:
        found = [path for path in folder.iterdir() if PLACE.fullmatch(path.name)]
    except OSError:
        return []
    return [path for path in found if _is_folder(path)]


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


@asynccontextmanager
async def cleaning(studio: Studio, every_s: float = EVERY_S) -> AsyncIterator[None]:
    """Clean at once and then again and again, as long as the block lasts."""
    work = asyncio.create_task(_forever(studio, every_s))
    try:
        yield
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def _forever(studio: Studio, every_s: float) -> None:
    for turn in itertools.count():
        try:
            await asyncio.to_thread(clean, gradios_folder(), time.time())
            if turn % RARELY == 0:
                await studio.release_unused(older_than=time.time() - KEPT_S)
        except (OSError, PlaygroundError) as error:
            log.warning("Unused files could not be removed: %s", error)
        await asyncio.sleep(every_s)
