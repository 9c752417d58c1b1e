"""Writes the folder of a Space: what the program needs there, and nothing else."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from core.errors import InputError
from deploy.space import front_matter, readme, upload_rules
from deploy.space.kinds import Plan
from deploy.space.upload_rules import ATTRIBUTES, File

ROOT = Path(__file__).parents[2]
ROOMS = ("core", "backends", "sandbox", "ui", "assets")
FILES = ("app.py", "LICENSE", "NOTICE.md")
FACTS = "space.json"
"""What `check` and `publish` have to know of a folder; it is sent along, and holds no secret."""
MADE = ("README.md", "requirements.txt", ATTRIBUTES, FACTS)
CACHES = ("__pycache__", ".pyc", ".pyi")
"""Bytecode, and the type stubs that Gradio writes."""
SHOWN_IN_README = re.compile(r"\]\((assets/[^)]+)\)")
TESTING = ("pytest",)


def build(plan: Plan, folder: Path, root: Path = ROOT) -> list[File]:
    """Write the Space into an empty folder, or over one that was built before; return its files."""
    _clear(folder)
    for source in sources(root):
        copy = folder / source.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    front = front_of(plan, root)
    _write(folder / "README.md", front_matter.write(front, readme.body(plan)))
    _write(folder / "requirements.txt", requirements(plan, root))
    facts = {
        "kind": plan.kind.name,
        "hardware": plan.kind.hardware,
        "cost": plan.kind.cost,
        "variables": plan.variables,
        "secrets": plan.secrets,
    }
    _write(folder / FACTS, json.dumps(facts, indent=1) + "\n")
    _write(folder / ATTRIBUTES, upload_rules.attributes(upload_rules.files(folder)))
    return upload_rules.files(folder)


def sources(root: Path = ROOT) -> Iterator[Path]:
    """Yield what is taken from the checkout; what only its README shows stays there."""
    shown = set(SHOWN_IN_README.findall((root / "README.md").read_text(encoding="utf-8")))
    yield from (root / name for name in FILES)
    for room in ROOMS:
        for path in sorted((root / room).rglob("*")):
            name = path.relative_to(root)
            hidden = any(part.startswith(".") or part in CACHES for part in name.parts)
            left_out = hidden or path.suffix in CACHES or name.as_posix() in shown
            if path.is_file() and not left_out:
                yield path


def front_of(plan: Plan, root: Path = ROOT) -> front_matter.Front:
    """Return the front matter: that of the checkout's README, with what this kind changes."""
    front = front_matter.read(root / "README.md") | {
        "python_version": plan.kind.python,
        "suggested_hardware": plan.kind.hardware,
    }
    return front | ({"preload_from_hub": plan.preloaded} if plan.preloaded else {})


def requirements(plan: Plan, root: Path = ROOT) -> str:
    """Return the one file that the builder reads: our pins, and torch's where there is a GPU."""
    lines = [*_pins(root / "requirements.txt")]
    if plan.kind.paints:
        lines += [*_pins(root / "requirements-local.txt"), *plan.packages]
    kept = [line for line in lines if line.partition("==")[0] not in TESTING]
    return "\n".join(kept) + "\n"


def _pins(file: Path) -> Iterator[str]:
    for line in file.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line


def _clear(folder: Path) -> None:
    """Make room; a file that is not ours is not thrown away, and not sent either."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, and a Space is a folder.", advice="Name another.")
    there = sorted(folder.iterdir()) if folder.exists() else []
    ours = {*ROOMS, *FILES, *MADE}
    if there and FACTS not in [path.name for path in there]:
        raise InputError(
            f"The folder {folder} is not empty, and no Space was built in it.",
            advice="Name an empty folder, or one that is not there yet.",
        )
    for path in there:
        if path.name not in {*ours, ".git"}:
            raise InputError(
                f"The folder {folder} holds {path.name}, which was not built.",
                advice="Move it away first: all of the folder is sent.",
            )
    for path in there:
        if path.is_dir() and path.name != ".git":
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()
    folder.mkdir(parents=True, exist_ok=True)


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
