"""A request in the words of the OpenAI images API becomes params, or one sentence why not."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import pictures
from core.errors import InputError
from core.params import Params
from core.parsing import parse
from core.pictures import Picture

MOST_BYTES = 28_000_000
"""Of a body; an image of 20 MB in base64 fits."""
PATIENCE_S = 120.0
"""How long a body may take to arrive."""
NAMES = {"num_inference_steps": "steps", "guidance_scale": "guidance", "image[]": "image"}
"""Names of fields as other engines have them; our own names are taken too."""
FIXED: Mapping[str, tuple[str, ...]] = {
    "n": ("1",),
    "response_format": ("b64_json",),
    "output_format": ("png",),
    "stream": ("false",),
    "quality": ("auto", "standard"),
    "background": ("auto", "opaque"),
    "moderation": ("auto", "low"),
}
"""Fields that clients send of themselves, and the values of them that are granted."""
IGNORED = ("model", "user")
"""`model` is checked before; `user` tells who asks and wishes for nothing."""

FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")

_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")
_DATA_URI = re.compile(r"data:image/[a-z0-9.+-]{1,20};base64,", re.IGNORECASE)


class Limited:
    """ASGI middleware that ends a body which is larger than any request needs."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, counting what comes."""
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > MOST_BYTES:
                most = f"{MOST_BYTES // 1_000_000} MB"
                raise HTTPException(413, f"This request is too large: at most {most} are taken.")
            return message

        await self.app(scope, counted, send)


def is_foreign(headers: Headers) -> bool:
    """Tell whether a page of another site asks.

    A browser lets any page send a plain text to any server, and names the page in Origin.
    """
    origin = headers.get("origin")
    place = urlsplit(origin or "").netloc.lower()
    return origin is not None and (not place or place != headers.get("host", "").lower())


async def body_of(request: Request) -> dict[str, Any]:
    """Return the fields of a request, JSON or form; a file of a form is bytes."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", *FORMS):
        raise HTTPException(
            415, "Send JSON, with Content-Type: application/json, or a form with the image."
        )
    try:
        async with asyncio.timeout(PATIENCE_S):
            if kind in FORMS:
                return await _form(request)
            data = await request.body()
    except TimeoutError:
        raise HTTPException(408, "This request took too long to arrive.") from None
    try:
        body = await asyncio.to_thread(json.loads, data)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise HTTPException(400, "The body must be a JSON object or a form.")
    return body


async def _form(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with request.form(max_files=2, max_fields=50) as form:
        for written, value in form.multi_items():
            name = NAMES.get(written, written)
            if name in found:
                raise InputError(f"There is more than one {name}.", field=name)
            found[name] = await value.read() if isinstance(value, UploadFile) else value
    return found


def params_of(kind: type[Params], body: Mapping[str, Any]) -> Params:
    """Return what is asked for, its seed drawn; raises `InputError`. Blocking: it reads images.

    A wish that cannot be granted is refused, never dropped.
    """
    wish = {NAMES.get(name, name): value for name, value in body.items() if value is not None}
    for name in IGNORED:
        wish.pop(name, None)
    for name in FIXED.keys() - kind.model_fields:
        _check_fixed(name, wish.pop(name, None))
    wish |= _sides(kind, wish.pop("size", None))
    if "image" in wish and "image" in kind.model_fields:
        wish["image"] = _picture(wish["image"])
    return parse(kind, wish).with_seed()


def _check_fixed(name: str, value: Any) -> None:
    granted = FIXED[name]
    if value is not None and str(value).lower() not in granted:
        why = "One request makes one image" if name == "n" else "There is no choice here"
        raise InputError(f"{why}: {name} must be {' or '.join(granted)}.", field=name)


def _sides(kind: type[Params], size: Any) -> dict[str, int]:
    if size in (None, "", "auto"):
        return {}
    if "width" not in kind.model_fields:
        raise InputError(
            "The image keeps the shape of the one it starts from.",
            field="size",
            advice="Leave size out.",
        )
    sides = _SIZE.fullmatch(str(size))
    if not sides:
        raise InputError("The size must be written like 1024x1024.", field="size")
    return {"width": int(sides[1]), "height": int(sides[2])}


def _picture(value: Any) -> Picture:
    """Read a file of a form, or a data URI; no address is ever fetched."""
    if isinstance(value, bytes):
        return pictures.load(value)
    head = _DATA_URI.match(value) if isinstance(value, str) else None
    try:
        if head:
            return pictures.load(base64.b64decode(value[head.end() :], validate=True))
    except binascii.Error:
        pass
    raise InputError(
        "The image must be a file of a form, or a data URI with base64 in it.",
        field="image",
        advice="Write it like data:image/png;base64,… and so on.",
    )
