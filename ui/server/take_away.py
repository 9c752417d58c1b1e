"""All images of one owner as one file: each as it is kept, with its settings inside."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from core.errors import PlaygroundError
from core.exports.zips import zipped
from core.history import Entry
from core.studio import Studio
from core.words import say
from ui.server.gradio_patches.password_login import needs_login
from ui.server.routes import Media

PURPOSE = "all images"
AT_ONCE = 100
"""Entries that are looked up together."""


@dataclass(frozen=True, slots=True)
class TakeAway:
    """Makes the address of an owner's archive, and answers it."""

    studio: Studio
    media: Media

    async def url(self, owner: str) -> str:
        """Return the address of an owner's archive, relative to the page; nobody can guess it."""
        signature = await self.media.sign(owner, PURPOSE)
        return f"take-away/{signature}/images.zip?owner={quote(owner, safe='')}"

    async def answer(self, request: Request) -> Response:
        """Stream the archive, an image at a time."""
        if needs_login(request.app, request.cookies):
            return Response(say("server-sign-in-first"), status_code=401, media_type="text/plain")
        owner = request.query_params.get("owner", "")
        try:
            own = await self.media.sign(owner, PURPOSE)
        except PlaygroundError as error:
            return Response(str(error), status_code=503, media_type="text/plain")
        if not hmac.compare_digest(request.path_params["signature"].encode(), own.encode()):
            return Response(
                say("server-there-no-such-archive"), status_code=404, media_type="text/plain"
            )
        headers = {
            "Content-Disposition": 'attachment; filename="images.zip"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        return StreamingResponse(self.pieces(owner), media_type="application/zip", headers=headers)

    def pieces(self, owner: str) -> AsyncIterator[bytes]:
        """Yield the archive of an owner's images, newest first; a file that is gone is left out."""
        return zipped(self._files(owner))

    async def _files(self, owner: str) -> AsyncIterator[tuple[str, bytes]]:
        async for entry in self._entries(owner):
            try:
                data = await self.studio.file(entry.file)
            except PlaygroundError:
                continue
            yield "/".join(PurePosixPath(entry.file).parts[-2:]), data

    async def _entries(self, owner: str) -> AsyncIterator[Entry]:
        before = ""
        while found := await self.studio.entries(owner, limit=AT_ONCE, before=before):
            for entry in found:
                yield entry
            before = found[-1].id

    def routes(self) -> list[Route]:
        """Return the route that precedes Gradio's."""
        return [Route("/take-away/{signature}/images.zip", self.answer, methods=["GET"])]
