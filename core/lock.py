"""One process to a data folder: the second refuses instead of carrying the same jobs twice."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import IO

from core.errors import HistoryError


def hold(folder: Path) -> IO[bytes] | None:
    """Take the folder's lock for as long as the returned file stays open.

    Returns None where the file system has no locks. Raises HistoryError when another process has
    it; the lock of a process that died is free.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "playground.lock").open("ab")
    except OSError as error:
        raise HistoryError(
            f"The data folder {folder} cannot be written: {error.strerror}.",
            advice="Check its permissions, or choose another with SRPO_DATA_DIR.",
        ) from error
    try:
        _lock(file)
    except OSError as error:
        file.close()
        if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
            return None
        raise HistoryError(
            f"Another playground already uses the data folder {folder}.",
            advice="Stop it, or choose another folder with SRPO_DATA_DIR.",
        ) from error
    return file


def _lock(file: IO[bytes]) -> None:
    try:
        import fcntl  # noqa: PLC0415 not on Windows
    except ImportError:
        import msvcrt  # noqa: PLC0415 only on Windows

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
