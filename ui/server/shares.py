"""The page that a link to look at opens: a title, a preview for messengers, images, no script.

Nobody has to sign in for it. Everything is served anew each time, so that a link that was revoked
shows nothing from that instant on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from core.errors import PlaygroundError
from core.exports.profiles import model_named
from core.history import Entry
from core.pictures import within
from core.sharing import PREVIEW, WHOLE, Shared
from core.studio import Studio
from core.words import say
from ui import markup, messages
from ui.server.caller import seen_of
from ui.server.exports import TYPES, attached

STATUS: Mapping[str, int] = {"revoked": 410, "deleted": 410}
"""What is gone for good is said to be; everything else was never there."""
HEADERS = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
}
POLICY = "default-src 'none'; img-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'"
ALONE = "default-src 'none'; sandbox"


@dataclass(frozen=True, slots=True)
class SharedPages:
    """Answers the addresses of links; `style` is the text of the pages' style sheet."""

    studio: Studio
    style: str

    async def page(self, request: Request) -> Response:
        """Show what a link shows, or say why it shows nothing."""
        secret = request.path_params["secret"]
        try:
            found = await self.studio.shared(secret)
        except PlaygroundError as error:
            return _said(messages.trouble(error), 503)
        if not isinstance(found, Shared):
            return _gone(found)
        root = str(request.scope.get("root_path", "")).rstrip("/")
        address = f"{seen_of(request.headers).page}{root}/s/{secret}"
        page = _drawn(found, f"{root}/s/{secret}", address)
        return HTMLResponse(page, headers=HEADERS | {"Content-Security-Policy": POLICY})

    async def sheet(self, request: Request) -> Response:
        """Send the style sheet of these pages."""
        headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
        return Response(self.style, media_type="text/css", headers=headers)

    async def image(self, request: Request) -> Response:
        """Send an image as others may have it, its preview for messengers, or its thumbnail."""
        way, names = request.path_params["way"], request.path_params
        try:
            if way == "thumbnail":
                small = await self.studio.shared_thumbnail(names["secret"], names["entry"])
                if isinstance(small, str):
                    return _gone(small)
                return Response(small, media_type=TYPES["webp"], headers=_alone())
            wish = {"image": WHOLE, "preview": PREVIEW}.get(way)
            if wish is None:
                return _gone("unknown")
            file = await self.studio.shared_image(names["secret"], names["entry"], wish)
        except PlaygroundError as error:
            return _said(messages.trouble(error), 503)
        if isinstance(file, str):
            return _gone(file)
        name, data = file
        headers = _alone() | (attached(name) if "download" in request.query_params else {})
        return Response(data, media_type=TYPES[name.rpartition(".")[2]], headers=headers)

    def routes(self) -> list[Route]:
        """Return the routes that precede Gradio's."""
        return [
            Route("/s/{secret}", self.page, methods=["GET"]),
            Route("/s/{secret}/{entry}/{way}", self.image, methods=["GET"]),
            Route("/shared.css", self.sheet, methods=["GET"]),
        ]


def _drawn(found: Shared, path: str, address: str) -> str:
    images = [_image(place, entry, path, found) for place, entry in found.images]
    first = next((entry for _, entry in found.images if not entry.flagged), None)
    alone = len(found.images) == 1
    return markup.shared(
        title=found.title,
        about=images[0]["facts"] if alone else say("share-about-set", count=len(images)),
        address=address,
        preview=_preview(first, address) if first else None,
        images=images,
    )


def _gone(why: str) -> Response:
    return _said(say(f"share-gone-{why}"), STATUS.get(why, 404))


def _said(sentence: str, status: int) -> Response:
    headers = HEADERS | {"Content-Security-Policy": POLICY}
    return HTMLResponse(markup.shared_gone(sentence), status_code=status, headers=headers)


def _image(place: str, entry: Entry, path: str, found: Shared) -> dict[str, Any]:
    whole = f"{path}/{entry.id}/image"
    small = f"{path}/{entry.id}/thumbnail"
    return {
        "url": whole,
        "shown": whole if len(found.images) == 1 else small,
        "place": place,
        "prompt": entry.prompt,
        "width": entry.width,
        "height": entry.height,
        "marks": messages.tag(entry),
        "facts": say(
            "share-facts",
            seed=str(entry.seed),
            width=str(entry.width),
            height=str(entry.height),
            model=model_named(entry.model) or entry.backend,
        ),
    }


def _preview(entry: Entry, address: str) -> dict[str, Any]:
    width, height = within((entry.width, entry.height), PREVIEW.longest)
    return {"url": f"{address}/{entry.id}/preview", "width": width, "height": height}


def _alone() -> dict[str, str]:
    return HEADERS | {"Content-Security-Policy": ALONE}
