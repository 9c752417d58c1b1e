"""Removes what was uploaded or handed out and that nobody comes back for."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from gradio.utils import get_upload_folder

from core.errors import PlaygroundError
from core.history import History

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

    Its default is shared by every Gradio program of the machine, so nobody could clean it.
    """
    user = getattr(os, "getuid", lambda: "user")()
    folder = Path(tempfile.gettempdir()) / f"srpo-playground-{user}"
    os.environ.setdefault("GRADIO_TEMP_DIR", str(folder))


def clean(folder: Path, now: float, *, most: int = MOST_BYTES) -> int:
    """Remove old files of a folder, and the oldest where it is too full; return how many went.

    `now` is in Unix seconds. Links are removed, never followed.
    """
    files = []
    for path in folder.rglob("*"):
        with suppress(OSError):
            if path.is_symlink() or path.is_file():
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
    for path in sorted(folder.rglob("*"), reverse=True):
        with suppress(OSError):
            if not path.is_symlink() and path.is_dir() and now - path.stat().st_mtime > YOUNG_S:
                path.rmdir()  # only if it is empty
    return gone


@asynccontextmanager
async def cleaning(history: History, every_s: float = EVERY_S) -> AsyncIterator[None]:
    """Clean at once and then again and again, as long as the block lasts."""
    work = asyncio.create_task(_forever(history, every_s))
    try:
        yield
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def _forever(history: History, every_s: float) -> None:
    for turn in itertools.count():
        try:
            await asyncio.to_thread(clean, Path(get_upload_folder()), time.time())
            if turn % RARELY == 0:
                await history.release_unused(older_than=time.time() - KEPT_S)
        except (OSError, PlaygroundError) as error:
            log.warning("Unused files could not be removed: %s", error)
        await asyncio.sleep(every_s)
