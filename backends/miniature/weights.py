"""Reads the miniature's weights: one file of int8 rows with float16 scales, under a checksum."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import NotReadyError

Floats = NDArray[np.float32]

NAME = "weights.npz"
CHECKSUM = "weights.sha256"
SCALE = ":scale"
_AGAIN = "Get the folder assets/miniature again from the repository."


@dataclass(frozen=True, slots=True)
class Weights:
    """The arrays by name, in single precision, and the notes that came with them."""

    arrays: dict[str, Floats]
    vocabulary: tuple[str, ...]
    translations: tuple[tuple[str, str], ...]
    tidyings: tuple[tuple[str, str], ...]
    fillers: frozenset[str]

    def part(self, prefix: str) -> dict[str, Floats]:
        """The arrays of one network, without its prefix."""
        start = len(prefix) + 1
        return {
            name[start:]: array
            for name, array in self.arrays.items()
            if name.startswith(f"{prefix}.")
        }


def problem(folder: Path) -> str:
    """Say in a sentence what is wrong with the files, or return ""; decodes nothing."""
    try:
        _content(folder)
    except NotReadyError as error:
        return f"{error} {error.advice}"
    return ""


def load(folder: Path) -> Weights:
    """Read and check everything; raises `NotReadyError`."""
    content = _content(folder)
    try:
        return _unpacked(content)
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise other_version() from error


def other_version() -> NotReadyError:
    """What to say of a whole file that does not hold what is looked for."""
    message = "The miniature's weights are of another version than this program."
    return NotReadyError(message, advice=_AGAIN)


def _content(folder: Path) -> bytes:
    """The file's bytes, which are what the checksum says."""
    try:
        content = (folder / NAME).read_bytes()
        expected = (folder / CHECKSUM).read_text(encoding="ascii").split()[0]
    except FileNotFoundError as error:
        message = "The miniature's weights are missing."
        raise NotReadyError(message, advice=_AGAIN) from error
    except (OSError, ValueError, IndexError) as error:
        message = "The miniature's weights could not be read."
        raise NotReadyError(message, advice=_AGAIN) from error
    if hashlib.sha256(content).hexdigest() != expected:
        message = "The miniature's weights are damaged: their checksum differs."
        raise NotReadyError(message, advice=_AGAIN)
    return content


def _unpacked(content: bytes) -> Weights:
    with np.load(BytesIO(content), allow_pickle=False) as stored:
        arrays: dict[str, Floats] = {}
        for name in stored.files:
            if name == "notes" or name.endswith(SCALE):
                continue
            array = stored[name].astype(np.float32)
            if f"{name}{SCALE}" in stored.files:
                scale = stored[f"{name}{SCALE}"].astype(np.float32)
                array *= scale.reshape(-1, *[1] * (array.ndim - 1))
            arrays[name] = array
        notes = json.loads(bytes(stored["notes"]))
    return Weights(
        arrays,
        tuple(notes["vocabulary"]),
        tuple((pattern, text) for pattern, text in notes["translations"]),
        tuple((pattern, text) for pattern, text in notes["tidyings"]),
        frozenset(notes["fillers"]),
    )
