"""Watches a program's writes, syncs, renames and sends with strace, in the order they happened."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.program import ROOT

CALLS = "pwrite64,fsync,fdatasync,rename,renameat,renameat2,sendto,sendmsg"
SYNCS = ("fsync", "fdatasync")
SENDS = ("sendto", "sendmsg")
LINE = re.compile(r"(\d+) +(?:<\.\.\. (\w+) resumed>)?(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the system; `began` and `ended` are places in the order of everything."""

    name: str
    text: str
    began: int
    ended: int


def problem() -> str:
    """Say why nothing can be traced here, or ""."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(
        ["strace", "-f", "-o", "/dev/null", "true"], capture_output=True, timeout=30, check=False
    )
    return "" if tried.returncode == 0 else "this place forbids strace"


def traced(arguments: Sequence[str], log: Path, seconds: float = 120) -> list[Call]:
    """Run a Python program to its end and return its calls."""
    asked = ["strace", "-f", "-y", "-qq", "-s", "200000", "-e", f"trace={CALLS}", "-o", str(log)]
    command = [*asked, sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, timeout=seconds, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return list(calls(log.read_text(errors="replace").splitlines()))


def calls(lines: Sequence[str]) -> Iterator[Call]:
    """Put calls together that others interrupted."""
    begun: dict[str, tuple[int, str]] = {}
    for place, line in enumerate(lines):
        found = LINE.match(line)
        if found is None:
            continue
        pid, resumed, text = found.groups()
        if text.endswith("<unfinished ...>"):
            begun[pid] = (place, text.removesuffix("<unfinished ...>"))
            continue
        start, before = begun.pop(pid, (place, "")) if resumed else (place, "")
        whole = before + text
        name = whole.partition("(")[0]
        if not whole.rstrip().endswith(")") or " = -1 " not in whole:
            yield Call(name, whole, start, place)


def first(found: Sequence[Call], names: Sequence[str], *texts: str) -> Call:
    """Return the first call by one of the names with all the texts in it."""
    for call in found:
        if call.name in names and all(text in call.text for text in texts):
            return call
    raise AssertionError(f"nothing like {names} with {texts}")


def syncs(found: Sequence[Call], path: str, after: int, before: int) -> list[Call]:
    """Return the syncs of a file between two places; a dot at the end makes it a prefix."""
    wanted = path if path.endswith(".") else f"{path}>"
    return [
        call
        for call in found
        if call.name in SYNCS and wanted in call.text and after < call.began and call.ended < before
    ]
