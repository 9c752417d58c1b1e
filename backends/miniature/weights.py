"""Reads the miniature's weights: one file of int8 rows with float16 scales, under a checksum."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import NotReadyError
from core.words import english

Floats = NDArray[np.float32]

NAME = "weights.npz"
CHECKSUM = "weights.sha256"
SCALE = ":scale"
FIRST_SIZES = ((128, 128), (160, 96), (96, 160), (192, 80), (80, 192))
"""Widths and heights of the first weights, whose notes do not tell them."""
_AGAIN = english("local-miniature-again")


@dataclass(frozen=True, slots=True)
class Weights:
    """The arrays by name, in single precision, and the notes that came with them."""

    arrays: dict[str, Floats]
    vocabulary: tuple[str, ...]
    translations: tuple[tuple[str, str], ...]
    tidyings: tuple[tuple[str, str], ...]
    fillers: frozenset[str]
    sizes: tuple[tuple[int, int], ...] = FIRST_SIZES
    """Widths and heights the model was trained on."""

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


def sizes(folder: Path) -> tuple[tuple[int, int], ...]:
    """Widths and heights the model was trained on; decodes nothing but the notes."""
    try:
        with np.load(folder / NAME, allow_pickle=False) as stored:
            return _sizes(json.loads(bytes(stored["notes"])))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return FIRST_SIZES  # what is wrong is told by `problem`


def _sizes(notes: dict[str, Any]) -> tuple[tuple[int, int], ...]:
    return tuple((width, height) for width, height in notes.get("sizes", FIRST_SIZES))


def other_version() -> NotReadyError:
    """What to say of a whole file that does not hold what is looked for."""
    message = english("local-miniature-s-weights-are-another")
    return NotReadyError(message, advice=_AGAIN)


def _content(folder: Path) -> bytes:
    """The file's bytes, which are what the checksum says."""
    try:
        content = (folder / NAME).read_bytes()
        expected = (folder / CHECKSUM).read_text(encoding="ascii").split()[0]
    except FileNotFoundError as error:
        message = english("local-miniature-s-weights-are-missing")
        raise NotReadyError(message, advice=_AGAIN) from error
    except (OSError, ValueError, IndexError) as error:
        message = english("local-miniature-s-weights-could-not")
        raise NotReadyError(message, advice=_AGAIN) from error
    if hashlib.sha256(content).hexdigest() != expected:
        message = english("local-miniature-s-weights-are-damaged")
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
        _sizes(notes),
    )
