"""What the hub takes of a folder by a plain git push: text, and the rest through LFS or Xet.

A push with a binary file outside LFS, of any size and anywhere in its history, is refused, and so
is a file of more than 10 MiB. An upload through the hub's library sorts files by itself.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

LARGEST = 10 * 2**20
"""Bytes of a file that git itself may keep there."""
POINTER = b"version https://git-lfs.github.com/spec/v1\n"
RULE = "filter=lfs diff=lfs merge=lfs -text"
ATTRIBUTES = ".gitattributes"


@dataclass(frozen=True, slots=True)
class File:
    """A file of the folder: its path in it, its bytes, and whether they are no text."""

    path: str
    size: int
    binary: bool

    @property
    def needs_rule(self) -> bool:
        """Whether it has to go through LFS or Xet."""
        return self.binary or self.size > LARGEST


def files(folder: Path) -> list[File]:
    """Return every file of a folder but those of git itself, by path."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    named = ((path.relative_to(folder), path) for path in found)
    return [_look(name, path) for name, path in named if name.parts[0] != ".git"]


def _look(name: Path, path: Path) -> File:
    data = path.read_bytes()
    return File(name.as_posix(), len(data), is_binary(data))


def is_binary(data: bytes) -> bool:
    """Tell bytes from text as git and the hub do: a zero byte, or no UTF-8."""
    if b"\0" in data:
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def attributes(found: Iterable[File]) -> str:
    """Return the `.gitattributes` by which all of them may be pushed: a rule for each ending."""
    wanted = {_pattern(one.path) for one in found if one.needs_rule}
    return "".join(f"{pattern} {RULE}\n" for pattern in sorted(wanted))


def _pattern(path: str) -> str:
    ending = PurePosixPath(path).suffix
    return f"*{ending}" if ending else path


def troubles(folder: Path) -> Iterator[str]:
    """Say which files a plain push would be refused for, those of its history included."""
    patterns = _tracked(folder / ATTRIBUTES)
    for one in files(folder):
        yield from _refusals(one, patterns)
    if (folder / ".git").exists():
        yield from (f"In its history: {said}" for said in _of_history(folder))


def _refusals(one: File, patterns: list[str]) -> Iterator[str]:
    if one.needs_rule and not _matches(one.path, patterns):
        why = "binary" if one.binary else f"larger than {LARGEST // 2**20} MiB"
        yield f"{one.path} is {why} and has no rule in {ATTRIBUTES}: a push would be refused."


def _tracked(file: Path) -> list[str]:
    """Return the patterns that go through LFS or Xet."""
    if not file.is_file():
        return []
    lines = [line.split() for line in file.read_text(encoding="utf-8").splitlines()]
    return [words[0] for words in lines if len(words) > 1 and "filter=lfs" in words[1:]]


def _matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether a pattern means this path: one without a slash means a name in any folder."""
    name = PurePosixPath(path).name
    return any(fnmatch(path if "/" in one else name, one.lstrip("/")) for one in patterns)


def _of_history(folder: Path) -> Iterator[str]:
    """Judge every file that any commit holds: outside LFS it lies there as it is, else a pointer.

    A rule that was made later does not help what an earlier commit holds.
    """
    listed = _git(folder, "rev-list", "--objects", "--all").decode().splitlines()
    for line in listed:
        number, _, path = line.partition(" ")
        if not path or _git(folder, "cat-file", "-t", number).strip() != b"blob":
            continue
        data = _git(folder, "cat-file", "blob", number)
        if not data.startswith(POINTER):
            yield from _refusals(File(path, len(data), is_binary(data)), [])


def _git(folder: Path, *arguments: str) -> bytes:
    command = ["git", "-c", f"safe.directory={folder}", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout  # noqa: S603
