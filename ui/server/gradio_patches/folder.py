"""Where Gradio keeps files: one folder of this program's own, and how they are named in it.

Gradio's MCP server reads the folder's name when it is imported, which is before flags are read, so
files of MCP clients would lie in a folder that every Gradio program of the machine shares.

Relies on `get_upload_folder`, `save_bytes_to_cache` and `gradio.mcp.DEFAULT_TEMP_DIR`.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import Any

import gradio.mcp
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from ui.server.gradio_patches.promises import Promises, mentions

PLACE = re.compile(r"[0-9a-f]{64}")
"""Name of a folder in which Gradio keeps a file, by its content."""


def folder() -> Path:
    """Return where Gradio keeps files; it is asked for anew each time."""
    return Path(get_upload_folder())


def use_for_mcp() -> None:
    """Let files of MCP clients lie where all others do."""
    gradio.mcp.DEFAULT_TEMP_DIR = str(folder())


def keep(data: bytes, name: str) -> str:
    """Write a file, byte for byte, to where Gradio hands files out, and return its path."""
    return str(save_bytes_to_cache(data, name, str(folder())))


def place(name: str) -> Path:
    """Make a folder that Gradio hands files out of, and return where a file of that name goes."""
    made = folder() / secrets.token_hex(32)
    made.mkdir(parents=True)
    return made / name


def _is_named_by_the_variable(_page: Any) -> bool:
    return str(folder()) == os.environ["GRADIO_TEMP_DIR"]


def _is_that_of_mcp(_page: Any) -> bool:
    server = gradio.mcp.GradioMCPServer
    used = mentions(server.convert_strings_to_filedata, "DEFAULT_TEMP_DIR")
    return used and str(folder()) == gradio.mcp.DEFAULT_TEMP_DIR


def _keeps_by_content(_page: Any) -> bool:
    with tempfile.TemporaryDirectory() as place:
        kept = Path(save_bytes_to_cache(b"boat", "boat.png", place))
        own = kept.parent.parent == Path(place).resolve()
        drawn = bool(PLACE.fullmatch(secrets.token_hex(32)))
        return (
            own
            and drawn
            and bool(PLACE.fullmatch(kept.parent.name))
            and kept.read_bytes() == b"boat"
        )


PROMISES: Promises = {
    "its folder is another than GRADIO_TEMP_DIR": _is_named_by_the_variable,
    "files of MCP clients lie in a folder that is shared": _is_that_of_mcp,
    "files are kept under other names, so that they are never removed": _keeps_by_content,
}
