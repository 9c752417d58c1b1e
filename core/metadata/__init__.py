"""Settings inside the image: written into its file, read from ours and from other programs'.

Nothing is re-encoded: metadata are chunks and segments beside the compressed pixels. Where our
own record is present it wins; the infotext beside it is for other programs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from core.metadata import other_programs
from core.metadata.infotext import PROGRAM, infotext
from core.metadata.reading import Reading, understood
from core.metadata.texts import JOB, named_texts
from core.metadata.texts import texts as texts_of
from core.metadata.write import bare, embed, mark, marked
from core.pictures.containers import ContainerError
from core.words import english

__all__ = [
    "Reading",
    "infotext",
    "mark",
    "marked",
    "named_texts",
    "read",
    "strip",
    "write",
]

MAX_FILE = 64_000_000

_SHARED = {
    "prompt", "width", "height", "strength", "steps", "guidance", "seed", "output_format", "model",
    "variation_seed", "variation_strength"
}  # fmt: skip
# Letters that XML or UTF-8 cannot carry; in JSON they only stand inside strings.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def write(data: bytes, record: Mapping[str, Any]) -> bytes:
    """Return the image with its record inside; the compressed pixels stay the same bytes.

    Works on PNG, JPEG and WebP. What is written is read again before it is believed. Raises
    `ContainerError` when the file cannot be cut into parts or the record does not survive.
    """
    job = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    job = _ESCAPED.sub(lambda letter: f"\\u{ord(letter[0]):04x}", job)
    written = embed(data, infotext(record), job)
    reading = read(written)
    if reading is None or reading.record != json.loads(job):
        raise ContainerError(english("images-record-could-not-read-back"))
    return written


def read(data: bytes) -> Reading | None:
    """Return the settings an image carries, ours first; None when there are none.

    Never raises: what is malformed, oversized or hostile reads as nothing.
    """
    if len(data) > MAX_FILE:
        return None
    try:
        texts = texts_of(data)
        return _ours(texts.get(JOB, "")) or other_programs.read(texts)
    # A stranger's file: each of these has been provoked by a malformed one.
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError):
        return None


def strip(data: bytes) -> bytes:
    """Return the image without metadata; the compressed pixels stay the same bytes."""
    return bare(data)


def _ours(job: str) -> Reading | None:
    try:
        record = json.loads(job)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or not isinstance(record.get("params"), dict):
        return None
    params = {key: value for key, value in record["params"].items() if _is_usable(key, value)}
    return Reading(PROGRAM, params, record)


def _is_usable(word: str, value: object) -> bool:
    """Tell whether a value is of the kind its word has; the backend's own params judge the rest."""
    if value is None or word == "image":
        return value is None or isinstance(value, dict)
    if word in _SHARED:
        return understood(word, value) is not None
    return isinstance(value, str | int | float)
