"""The routes beside Gradio's: health, and the one route by which images leave.

A picture's address carries a signature that only this server can make, for that entry and its
owner; whoever was not given the address cannot guess it, and path tricks find nothing because an
address names an entry, never a file.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.errors import PlaygroundError
from core.history import Entry
from core.studio import Studio
from ui.server.gradio_patches.password_login import needs_login

Part = Literal["file", "thumbnail"]
TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


@dataclass(frozen=True, slots=True)
class Media:
    """Makes and answers the addresses of pictures."""

    studio: Studio

    async def url(self, entry: Entry, part: Part = "file") -> str:
        """Return the address of an entry's file or thumbnail, relative to the page."""
        name = PurePosixPath(getattr(entry, part)).name
        return f"media/{entry.id}/{part}/{await self.sign(entry.owner, entry.id)}/{name}"

    async def sign(self, owner: str, name: str) -> str:
        """Sign `name` for an owner."""
        secret = await self.studio.secret("media")
        text = f"{owner}\n{name}".encode()
        return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()[:32]

    async def answer(self, request: Request) -> Response:
        """Serve a file or thumbnail, or a plain 404 that tells nothing."""
        if needs_login(request.app, request.cookies):
            return Response("Sign in first.", status_code=401, media_type="text/plain")
        part, signature = request.path_params["part"], request.path_params["signature"]
        if part not in ("file", "thumbnail"):
            return _missing()
        try:
            entry = await self.studio.entry(request.path_params["entry"])
            own = await self.sign(entry.owner, entry.id)
            if not hmac.compare_digest(signature.encode(), own.encode()):
                return _missing()
            name = PurePosixPath(getattr(entry, part))
            data = await self.studio.file(str(name))
        except PlaygroundError:
            return _missing()
        headers = dict(HEADERS)
        if "download" in request.query_params:
            headers["Content-Disposition"] = f'attachment; filename="{name.name}"'
        return Response(data, media_type=TYPES[name.suffix], headers=headers)

    async def ready(self, request: Request) -> Response:
        """Tell whether the database can be written."""
        try:
            await self.studio.secret("media")
        except PlaygroundError as error:
            return JSONResponse({"ready": False, "problem": str(error)}, status_code=503)
        return JSONResponse({"ready": True})

    def routes(self) -> list[Route]:
        """Return the routes that precede Gradio's."""
        return [
            _route("/media/{entry}/{part}/{signature}/{name}", self.answer),
            _route("/readyz", self.ready),
            _route("/healthz", _alive),
        ]


def _route(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    return Route(path, endpoint, methods=["GET"])


async def _alive(request: Request) -> Response:
    return JSONResponse({"alive": True})


def _missing() -> Response:
    return Response("There is no such image.", status_code=404, media_type="text/plain")
