"""The routes beside Gradio's: health, and the one route by which images leave.

An image's address carries a signature that only this server can make, for that entry and its
owner; whoever was not given the address cannot guess it, and path tricks find nothing because an
address names an entry, not a file. A thumbnail's address does name its file, which its signature
covers: all that is asked of the database is whether the image is in the trash.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal, get_args

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.errors import PlaygroundError
from core.history import Entry
from core.studio import Studio
from core.words import say
from ui.server.gradio_patches.password_login import needs_login

Part = Literal["file", "thumbnail", "source"]
TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
SLASH = "~"
"""Stands for the slashes of a file's name in its address."""
HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


@dataclass(frozen=True, slots=True)
class Media:
    """Makes and answers the addresses of images."""

    studio: Studio
    drawn: dict[str, str] = field(default_factory=dict)
    """The secret that signs, which never changes once it is drawn."""

    async def url(self, entry: Entry, part: Part = "file") -> str:
        """Return the address of an entry's file, thumbnail or source, relative to the page.

        "" where it has none.
        """
        if part == "thumbnail":
            signature = await self.sign("thumbnail", _small(entry.thumbnail, _signed(entry)))
            return f"media/{entry.id}/thumbnail/{signature}/{entry.thumbnail.replace('/', SLASH)}"
        file = await self._file(entry, part)
        if file is None:
            return ""
        signature = await self.sign(entry.owner, _signed(entry))
        return f"media/{entry.id}/{part}/{signature}/{file.name}"

    async def _file(self, entry: Entry, part: Part) -> PurePosixPath | None:
        if part == "source":
            source = await self.studio.source_of(entry)
            return PurePosixPath(source) if source else None
        return PurePosixPath(getattr(entry, part))

    async def sign(self, owner: str, name: str) -> str:
        """Sign `name` for an owner."""
        if "media" not in self.drawn:
            self.drawn["media"] = await self.studio.secret("media")
        secret = self.drawn["media"]
        text = f"{owner}\n{name}".encode()
        return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()[:32]

    async def answer(self, request: Request) -> Response:
        """Serve a file, a thumbnail or a source, or a plain 404 that tells nothing."""
        if needs_login(request.app, request.cookies):
            return Response(say("server-sign-in-first"), status_code=401, media_type="text/plain")
        part = request.path_params["part"]
        if part not in get_args(Part):
            return _missing()
        try:
            name = await (self._asked_thumbnail if part == "thumbnail" else self._asked)(request)
            if name is None:
                return _missing()
            data = await self.studio.file(str(name))
        except PlaygroundError:
            return _missing()
        headers = dict(HEADERS)
        if "download" in request.query_params:
            headers["Content-Disposition"] = f'attachment; filename="{name.name}"'
        return Response(data, media_type=TYPES[name.suffix], headers=headers)

    async def _asked_thumbnail(self, request: Request) -> PurePosixPath | None:
        """Return the file that a thumbnail's address names, if it is for its entry as it is now.

        The database is asked only about an address that this server made.
        """
        asked = request.path_params
        entry_id, file = asked["entry"], asked["name"].replace(SLASH, "/")
        for deleted in (False, True):
            own = await self.sign("thumbnail", _small(file, _name(entry_id, deleted=deleted)))
            if hmac.compare_digest(asked["signature"].encode(), own.encode()):
                now = await self.studio.is_in_trash(entry_id)
                return PurePosixPath(file) if now is deleted else None
        return None

    async def _asked(self, request: Request) -> PurePosixPath | None:
        """Return the file or the source of the entry that an address names, if it is for it."""
        asked = request.path_params
        entry = await self.studio.entry(asked["entry"], trash=True)
        own = await self.sign(entry.owner, _signed(entry))
        if not hmac.compare_digest(asked["signature"].encode(), own.encode()):
            return None
        return await self._file(entry, asked["part"])

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


def _signed(entry: Entry) -> str:
    """Return what an entry's signature is for: in the trash it has other addresses than before.

    So an address that was passed on ends when the image is deleted, and only its owner, who is told
    the new one, still sees it.
    """
    return _name(entry.id, deleted=entry.deleted_at is not None)


def _name(entry_id: str, *, deleted: bool) -> str:
    return f"trash {entry_id}" if deleted else entry_id


def _small(file: str, name: str) -> str:
    return f"{name}/{file}"


def _route(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    return Route(path, endpoint, methods=["GET"])


async def _alive(request: Request) -> Response:
    return JSONResponse({"alive": True})


def _missing() -> Response:
    return Response(say("server-there-no-such-image"), status_code=404, media_type="text/plain")
