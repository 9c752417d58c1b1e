"""The route by which a selection of images leaves: as zip, image, contact sheet or table.

A page calls `Exports.url` with what was chosen and hands the address to the browser, as
`FETCH` in `ui/history_tab.py` does for all images.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from core.errors import InputError, PlaygroundError
from core.exports.image import Wish
from core.exports.orders import Order
from core.exports.zips import zipped
from core.studio import Studio
from core.words import say
from ui import messages
from ui.server.gradio_patches.password_login import needs_login

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
TYPES = {
    **{"zip": "application/zip", "pdf": "application/pdf", "png": "image/png"},
    **{"jpg": "image/jpeg", "webp": "image/webp", "json": "application/json"},
    "csv": "text/csv; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Exports:
    """Makes and answers the addresses of downloads."""

    studio: Studio

    def url(
        self,
        owner: str,
        ids: Sequence[str],
        *,
        kind: str = "zip",
        title: str = "",
        **wish: Any,
    ) -> str:
        """Return the address of a download, relative to the page; it is good for an hour.

        `kind` is one of `core.exporting.KINDS`: zip, image (of one id), sheet.png, sheet.pdf,
        manifest.csv, manifest.json. `wish` is what `core.exports.image.Wish.of` takes: profile
        (full, share, clean), format ("" as kept, png, jpeg, webp), quality (1 to 100), longest
        (pixels, 0 for all), template (for names), mark (for clean), manifest. Raises InputError,
        whose `field` is the name of what is wrong: say it there.
        """
        name = self.studio.order_export(ids, Wish.of(**wish), owner=owner, kind=kind, title=title)
        ending = kind if "." in kind else "images.zip" if kind == "zip" else "image"
        return f"exports/{name}/{ending}"

    async def answer(self, request: Request) -> Response:
        """Send what was ordered, or say that it is not there any more."""
        if needs_login(request.app, request.cookies):
            return Response(say("server-sign-in-first"), status_code=401, media_type="text/plain")
        order = self.studio.find_export(request.path_params["order"])
        if order is None:
            return _said(say("expired-download"), 404)
        try:
            return await WAYS[order.kind](self, order)
        except InputError as error:
            return _said(messages.trouble(error), 404)
        except PlaygroundError as error:
            return _said(messages.trouble(error), 503)

    def routes(self) -> list[Route]:
        """Return the route that precedes Gradio's."""
        return [Route("/exports/{order}/{name}", self.answer, methods=["GET"])]

    async def zip(self, order: Order) -> Response:
        """Stream the zip; nothing of it lies on this server's disk, so nothing can be left."""
        files = self.studio.export(order.ids, order.wish, owner=order.owner)
        headers = HEADERS | attached(f"images-{datetime.now(UTC):%Y-%m-%d}.zip")
        return StreamingResponse(zipped(files), media_type=TYPES["zip"], headers=headers)

    async def image(self, order: Order) -> Response:
        """Send one image by itself."""
        found = await self.studio.export_one(order.ids[0], order.wish, owner=order.owner)
        return _file(*found)

    async def sheet(self, order: Order) -> Response:
        """Send a contact sheet."""
        kind = order.kind.removeprefix("sheet.")
        data = await self.studio.contact_sheet(
            order.ids, kind, order.wish, owner=order.owner, title=order.title
        )
        return _file(f"contact-sheet.{kind}", data)

    async def manifest(self, order: Order) -> Response:
        """Send the table alone."""
        kind = order.kind.removeprefix("manifest.")
        data = await self.studio.manifest(order.ids, kind, order.wish, owner=order.owner)
        return _file(order.kind, data)


WAYS: Mapping[str, Callable[[Exports, Order], Awaitable[Response]]] = {
    "zip": Exports.zip,
    "image": Exports.image,
    "sheet.png": Exports.sheet,
    "sheet.pdf": Exports.sheet,
    "manifest.csv": Exports.manifest,
    "manifest.json": Exports.manifest,
}


def _file(name: str, data: bytes) -> Response:
    kind = TYPES[name.rpartition(".")[2]]
    return Response(data, media_type=kind, headers=HEADERS | attached(name))


def attached(name: str) -> dict[str, str]:
    """Return the header that names a download; other letters than ASCII travel escaped."""
    plain = name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
    return {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
    }


def _said(sentence: str, status: int) -> Response:
    return Response(f"{sentence}\n", status_code=status, media_type="text/plain", headers=HEADERS)
