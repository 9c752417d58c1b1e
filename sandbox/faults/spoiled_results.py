"""Spoilt task objects and images: the faults that need more than a line."""

from __future__ import annotations

import functools
import io
import json
import random
import struct
import zlib
from collections.abc import Iterable
from urllib.parse import urlsplit

from PIL import Image
from starlette.responses import JSONResponse, Response

from sandbox.faults.broken_transport import Built, Flood
from sandbox.faults.kinds import Exchange

SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">'
    b"<script>alert(document.domain)</script></svg>"
)
BOMB_SIDE = 30_000
MEGABYTE = 1024 * 1024
FORBIDDEN = "/latest/meta-data/iam"
"""Path that nobody may fetch; the server counts who does."""


def bare(exchange: Exchange) -> Response:
    """The task object without its envelope, where the service has one."""
    answer = json.loads(bytes(exchange.good.body))
    return JSONResponse(answer.get("data", answer), exchange.good.status_code)


def status(exchange: Exchange, code: int) -> Response:
    """The good answer under a status that says it failed."""
    return Response(exchange.good.body, code, media_type="application/json")


def other_loopback(url: str) -> str:
    """The forbidden path on this machine, under an address the client was never given."""
    parts = urlsplit(url)
    host = "localhost" if parts.hostname != "localhost" else "127.0.0.1"
    return f"http://{host}:{parts.port or 80}{FORBIDDEN}"


def redirect_loopback(exchange: Exchange) -> Response:
    """Lures the client to this machine under another name."""
    return Response(b"", 302, {"location": other_loopback(str(exchange.request.url))})


def truncated_picture(exchange: Exchange) -> Response:
    """The first half of the file as if it were all of it."""
    body = bytes(exchange.good.body)
    return _picture(exchange, body[: len(body) // 2])


def corrupt(exchange: Exchange) -> Response:
    """The right file with its middle overwritten."""
    body = bytearray(exchange.good.body)
    start, end = len(body) // 3, len(body) // 3 * 2
    body[start:end] = random.Random(1).randbytes(end - start)
    return _picture(exchange, bytes(body))


def noise(exchange: Exchange) -> Response:
    """As many bytes as the file has, none of them right."""
    return _picture(exchange, random.Random(2).randbytes(len(bytes(exchange.good.body))))


def mislabelled(exchange: Exchange) -> Response:
    """The right file under the wrong media type."""
    kind = "image/png" if exchange.good.media_type == "image/jpeg" else "image/jpeg"
    return Response(exchange.good.body, media_type=kind)


def larger(exchange: Exchange) -> Response:
    """The right image in twice its size."""
    with Image.open(io.BytesIO(bytes(exchange.good.body))) as picture:
        file, kind = io.BytesIO(), picture.format
        picture.resize((picture.width * 2, picture.height * 2)).save(file, kind)
    return _picture(exchange, file.getvalue())


def huge(_: Exchange) -> Response:
    """Two hundred megabytes of JSON."""
    return Flood(b'{"pad":"', b'"}', blocks=200, media_type="application/json")


def endless(_: Exchange) -> Response:
    """An image that never stops coming."""
    return Flood(b"\xff\xd8", b"", blocks=None, media_type="image/jpeg")


def boastful(exchange: Exchange) -> Response:
    """Announces ten gigabytes."""
    flood = endless(exchange)
    flood.headers["content-length"] = str(10 * 1024 * MEGABYTE)
    return flood


def bomb(_: Exchange) -> Response:
    """A PNG of 0.1 MB that decodes to 900 megapixels."""
    return Built(_bomb, "image/png")


def gzip_bomb(_: Exchange) -> Response:
    """Half a gigabyte in half a megabyte."""
    return Built(_gzip_bomb, "image/jpeg", **{"content-encoding": "gzip"})


def _picture(exchange: Exchange, body: bytes) -> Response:
    return Response(body, media_type=exchange.good.media_type)


@functools.cache
def _bomb() -> bytes:
    header = struct.pack(">IIBBBBB", BOMB_SIDE, BOMB_SIDE, 1, 0, 0, 0, 0)
    row = bytes(1 + BOMB_SIDE // 8)
    pixels = _squeezed((row for _ in range(BOMB_SIDE)), zlib.compressobj(9))
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@functools.cache
def _gzip_bomb() -> bytes:
    zeros = bytes(MEGABYTE)
    return _squeezed((zeros for _ in range(500)), zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16))


def _squeezed(parts: Iterable[bytes], into: zlib._Compress) -> bytes:
    return b"".join(into.compress(part) for part in parts) + into.flush()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
