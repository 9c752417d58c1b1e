"""The few EXIF fields the program needs, read and written by a small bounded parser.

Pillow's own reader can be stalled for seconds by one megabyte of hostile EXIF, so it is never
called on a file from outside. EXIF is a TIFF: a header, then directories of 12-byte entries.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

PREFIX = b"Exif\0\0"
ORIENTATION = 0x0112
USER_COMMENT = 0x9286
_EXIF_DIRECTORY = 0x8769
_TEXTS = {0x010E: "Description", 0x0131: "Software", 0x927C: "fooocus_scheme"}
# ComfyUI keeps its two graphs in the camera's maker and model, each behind a word of its own.
_WORDED = (0x010F, 0x0110)
_WORDS = ("prompt", "workflow")
_ASCII, _SHORT, _LONG, _UNDEFINED = 2, 3, 4, 7
_BYTE_KINDS = (1, _ASCII, _UNDEFINED)
_MAX_ENTRIES = 512
_MAX_TEXT = 2_000_000
_EMPTY = b"MM\0*\0\0\0\x08" + bytes(6)

Directory = dict[int, bytes]


def orientation(block: bytes) -> int:
    """Return the orientation 1..8 that an EXIF block asks for; 1 where it says nothing."""
    tiff = _bare(block)
    order = _order(tiff)
    if not order:
        return 1
    entry = _directory(tiff, order, _first(tiff, order)).get(ORIENTATION)
    if entry is None:
        return 1
    _, kind, count, value = struct.unpack(order + "HHI4s", entry)
    if count != 1 or kind not in (_SHORT, _LONG):
        return 1
    turn: int = struct.unpack(order + "H", value[:2])[0] if kind == _SHORT else _long(value, order)
    return turn if 1 <= turn <= 8 else 1


def texts(block: bytes) -> dict[str, str]:
    """Return the texts of an EXIF block: the comment as `parameters`, others by their names."""
    tiff = _bare(block)
    order = _order(tiff)
    if not order:
        return {}
    first = _directory(tiff, order, _first(tiff, order))
    # Fooocus puts fields of the EXIF directory into the first one: look in both.
    inner = _inner(tiff, order, first)
    return {key: text for key, text in _named(tiff, order, first | inner) if text}


def with_comment(block: bytes, text: str) -> bytes:
    """Return the TIFF with `text` as its UserComment; everything else in it stays where it was.

    New directories are appended and the header points at them. The comment has the type
    UNDEFINED, "UNICODE" and UTF-16BE: other types crash A1111's reader.
    """
    tiff = _bare(block)
    order = _order(tiff)
    if not order:
        tiff, order = _EMPTY, ">"
    first = _directory(tiff, order, _first(tiff, order))
    inner = _inner(tiff, order, first)
    grown = bytearray(tiff + bytes(len(tiff) % 2))
    comment = b"UNICODE\0" + text.encode("utf-16-be", "replace")
    inner[USER_COMMENT] = struct.pack(
        order + "HHII", USER_COMMENT, _UNDEFINED, len(comment), len(grown)
    )
    grown += comment
    first[_EXIF_DIRECTORY] = struct.pack(order + "HHII", _EXIF_DIRECTORY, _LONG, 1, len(grown))
    grown += _packed(inner, order, 0)
    grown[4:8] = struct.pack(order + "I", len(grown))
    return bytes(grown) + _packed(first, order, _following(tiff, order))


def _bare(block: bytes) -> bytes:
    return block[len(PREFIX) :] if block.startswith(PREFIX) else block


def _order(tiff: bytes) -> str:
    return {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4], "") if len(tiff) >= 8 else ""


def _first(tiff: bytes, order: str) -> int:
    return _long(tiff[4:8], order)


def _long(value: bytes, order: str) -> int:
    return int.from_bytes(value[:4], "little" if order == "<" else "big")


def _count(tiff: bytes, order: str, at: int) -> int:
    if at < 8 or at + 2 > len(tiff):
        return 0
    declared: int = struct.unpack_from(order + "H", tiff, at)[0]
    return min(declared, _MAX_ENTRIES, (len(tiff) - at - 2) // 12)


def _directory(tiff: bytes, order: str, at: int) -> Directory:
    """Return the entries of the directory at `at`, whole, by their tags."""
    starts = range(at + 2, at + 2 + 12 * _count(tiff, order, at), 12)
    return {
        struct.unpack_from(order + "H", tiff, start)[0]: tiff[start : start + 12]
        for start in starts
    }


def _inner(tiff: bytes, order: str, first: Directory) -> Directory:
    entry = first.get(_EXIF_DIRECTORY)
    return _directory(tiff, order, _long(entry[8:], order)) if entry else {}


def _following(tiff: bytes, order: str) -> int:
    """Return where the second directory (the thumbnail's) starts, 0 without one."""
    at = _first(tiff, order)
    end = at + 2 + 12 * _count(tiff, order, at)
    return _long(tiff[end : end + 4], order) if end + 4 <= len(tiff) else 0


def _packed(directory: Directory, order: str, following: int) -> bytes:
    entries = b"".join(directory[tag] for tag in sorted(directory))
    return struct.pack(order + "H", len(directory)) + entries + struct.pack(order + "I", following)


def _named(tiff: bytes, order: str, directory: Directory) -> Iterator[tuple[str, str]]:
    for tag, name in _TEXTS.items():
        yield name, _plain(_value(tiff, order, directory.get(tag)))
    for tag in _WORDED:
        word, _, graph = _plain(_value(tiff, order, directory.get(tag))).partition(":")
        if word in _WORDS:
            yield word, graph
    yield "parameters", _comment(_value(tiff, order, directory.get(USER_COMMENT)))


def _value(tiff: bytes, order: str, entry: bytes | None) -> bytes:
    if entry is None:
        return b""
    _, kind, count, value = struct.unpack(order + "HHI4s", entry)
    if kind not in _BYTE_KINDS or count > _MAX_TEXT:
        return b""
    at = _long(value, order)
    return value[:count] if count <= 4 else tiff[at : at + count]


def _plain(value: bytes) -> str:
    return value.decode("utf-8", "replace").strip("\0 ")


def _comment(value: bytes) -> str:
    code, text = value[:8], value[8:]
    if code == b"UNICODE\0":
        # Plain letters have their zero byte first in big-endian text, second in little-endian.
        little = text[1::2].count(0) > text[0::2].count(0)
        return text.decode("utf-16-le" if little else "utf-16-be", "replace").strip("\0")
    return _plain(text if code in (b"ASCII\0\0\0", bytes(8)) else value)
