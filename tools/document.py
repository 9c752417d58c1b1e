"""Writes what documents repeat from the code: `python -m tools.document`.

README's settings and backends, `.env.example` and the list of files in ARCHITECTURE.md are made
here, each between two comments; `--check` says which of them is stale and writes nothing.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from backends import REGISTRY
from core.settings import Settings
from tools import backends_table

ROOT = Path(__file__).parents[1]
ROOMS = (
    "core core/exports core/history core/jobs core/likeness core/pictures core/metadata "
    "core/storage core/words backends backends/remote backends/wavespeed backends/local "
    "backends/miniature sandbox sandbox/faults sandbox/painter ui ui/generate ui/server "
    "ui/server/gradio_patches deploy deploy/space tools tools/miniature"
).split()


def between(text: str, name: str, made: str) -> str:
    """Return the text with what stands between the comments of this name replaced."""
    begin, end = f"<!-- made by tools/document.py: {name} -->", f"<!-- end of {name} -->"
    pattern = re.escape(begin) + ".*?" + re.escape(end)
    found, count = re.subn(pattern, lambda _: f"{begin}\n{made}\n{end}", text, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"{begin} and {end} must stand once in the document.")
    return found


def settings_rows() -> Iterator[tuple[str, str, str]]:
    """Yield each setting's variable, default and meaning."""
    services = [one.settings for one in REGISTRY.values()]
    for kind in dict.fromkeys([*services, Settings]):
        yield from _rows(kind)


def _rows(kind: type[Settings]) -> Iterator[tuple[str, str, str]]:
    """Yield those settings that a class adds."""
    inherited = {name for base in kind.__bases__ for name in getattr(base, "model_fields", ())}
    for name, field in kind.model_fields.items():
        if name in inherited:
            continue
        default = "" if field.default in (None, "") else str(field.default)
        yield name.upper(), default, field.description or ""


def settings_table() -> str:
    """Return README's table of settings."""
    head = ["| name | default | meaning |", "|---|---|---|"]
    rows = (
        f"| `{name}` | {f'`{default}`' if default else '–'} | {meaning} |"
        for name, default, meaning in settings_rows()
    )
    return "\n".join([*head, *rows])


def env_example() -> str:
    """Return `.env.example`: every setting with its meaning and default."""
    head = "# Copy to .env and fill in what you need. Everything is optional.\n"
    rows = (f"\n# {meaning}\n{name}={default}\n" for name, default, meaning in settings_rows())
    return head + "".join(rows)


def files() -> str:
    """Return the rooms and their files, each with the first sentence of its docstring."""
    parts = []
    for room in ROOMS:
        parts.append(f"### `{room}/`\n\n{purpose(ROOT / room / '__init__.py')}\n")
        named = sorted(path for path in (ROOT / room).glob("*.py") if path.name != "__init__.py")
        parts.append("\n".join(f"- `{path.name}` – {purpose(path)}" for path in named) + "\n")
    return "\n".join(parts)


def purpose(path: Path) -> str:
    """Return the first paragraph of a module's docstring."""
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(said.partition("\n\n")[0].split())


def documents() -> dict[Path, str]:
    """Return every document as it should be."""
    readme, rooms = ROOT / "README.md", ROOT / "ARCHITECTURE.md"
    text = between(readme.read_text(encoding="utf-8"), "settings", settings_table())
    return {
        readme: between(text, "backends", backends_table.table()),
        rooms: between(rooms.read_text(encoding="utf-8"), "files", files()),
        ROOT / ".env.example": env_example(),
    }


def stale() -> list[str]:
    """Return the names of documents that the code has left behind."""
    return [
        path.name
        for path, text in documents().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


if __name__ == "__main__":
    if "--check" in sys.argv:
        raise SystemExit(f"Stale: {', '.join(found)}" if (found := stale()) else 0)
    for document, text in documents().items():
        document.write_text(text, encoding="utf-8")
        print(document.name)
