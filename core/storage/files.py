"""Where files lie: a folder by default, a bucket for a team, through fsspec on one URL.

Names are relative and written by this program only. A file is complete or absent: a folder gets
a temporary file, a sync and a rename; object stores publish an object only when it is whole.
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs

from core.errors import HistoryError
from core.words import english

NAME = re.compile(r"[a-z]+/[A-Za-z0-9][A-Za-z0-9._/-]*")


class Storage:
    """Reads and writes whole files by relative name."""

    def __init__(self, url: str) -> None:
        try:
            self._files, root = url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise HistoryError(
                english("storage-storage-address-storage-url-cannot"),
                advice=english("storage-use-folder-or-url-whose"),
            ) from error
        self._root = str(root).rstrip("/")
        self._local = "file" in _protocols(self._files)

    async def write(self, name: str, data: bytes) -> None:
        """Store `data` under `name`; on return it survives a power loss."""
        await asyncio.to_thread(self._write, self._path(name), data)

    async def read(self, name: str) -> bytes:
        """Return the bytes of `name`; raises HistoryError when they are gone."""
        return await asyncio.to_thread(self._read, self._path(name))

    async def delete(self, name: str) -> None:
        """Remove `name`; one that is gone already is fine."""
        await asyncio.to_thread(self._delete, self._path(name))

    async def exists(self, name: str) -> bool:
        """Tell whether `name` is there."""
        return await asyncio.to_thread(lambda: bool(self._files.exists(self._path(name))))

    async def listed(self, folder: str) -> list[str]:
        """Return the names of the files right below a folder, in order."""
        return await asyncio.to_thread(self._below, folder, "file")

    async def folders(self, folder: str) -> list[str]:
        """Return the names of the folders right below a folder, in order."""
        return await asyncio.to_thread(self._below, folder, "directory")

    def _below(self, folder: str, kind: str) -> list[str]:
        path = self._path(f"{folder}/x")[:-2]
        try:
            found = self._files.ls(path, detail=True, refresh=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise explained(error) from error
        names = [f"{folder}/{Path(one['name']).name}" for one in found if one["type"] == kind]
        return sorted(name for name in names if NAME.fullmatch(name))

    async def written_before(self, folder: str, moment: float) -> list[str]:
        """Return the names below a folder that were written before a Unix time."""
        return await asyncio.to_thread(self._written_before, self._path(f"{folder}/x")[:-2], moment)

    def _written_before(self, path: str, moment: float) -> list[str]:
        try:
            found = self._files.find(path, detail=True)
            old = [name for name, facts in found.items() if _written_at(facts) < moment]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise explained(error) from error
        names = [f"{Path(path).name}{name.partition(path)[2]}" for name in old]
        return [name for name in names if NAME.fullmatch(name)]

    def _path(self, name: str) -> str:
        if not NAME.fullmatch(name) or ".." in name:
            raise HistoryError(english("storage-not-name-stored-file", name=name[:60]))
        return f"{self._root}/{name}"

    def _write(self, path: str, data: bytes) -> None:
        try:
            if self._local:
                _write_durably(Path(path), data)
            else:
                self._files.pipe_file(path, data)
        except OSError as error:
            raise explained(error) from error

    def _read(self, path: str) -> bytes:
        try:
            return bytes(self._files.cat_file(path))
        except OSError as error:
            raise HistoryError(
                english("storage-file-image-gone"),
                advice=english("storage-delete-entry-or-restore-backup"),
            ) from error

    def _delete(self, path: str) -> None:
        try:
            self._files.rm_file(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise explained(error) from error


def _written_at(facts: Mapping[str, Any]) -> float:
    """Return when a file was written, in Unix seconds; one of which that is not told is new."""
    told = facts.get("mtime", facts.get("LastModified", facts.get("last_modified")))
    if isinstance(told, datetime):
        return told.timestamp()
    return float(told) if isinstance(told, int | float) else math.inf


def _protocols(files: Any) -> tuple[str, ...]:
    protocol = files.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def _write_durably(path: Path, data: bytes) -> None:
    """Write beside the target, sync, rename, and sync the folder, so that no half file is seen."""
    _make_folder(path.parent)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _make_folder(folder: Path) -> None:
    """Make a folder and the ones above it so that a power loss does not take them away again."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Let what was renamed in a folder survive a power loss."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def explained(error: OSError) -> HistoryError:
    """Say in plain words why a file could not be written."""
    if error.errno in (28, 122):  # ENOSPC, EDQUOT
        return HistoryError(
            english("storage-disk-full"), advice=english("storage-free-some-space-try-again")
        )
    return HistoryError(
        english(
            "storage-image-could-not-stored", value=error.strerror or english("storage-refused-it")
        ),
        advice=english("storage-check-data-folder-can-written"),
    )
