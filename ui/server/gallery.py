"""The route by which the History tab asks for thumbnails, beside Gradio's queue.

A browser gets a key from a handler of the page, which knows whose it is. The key names the owner
and the time until when it is good, with a signature that only this server can make; it travels in
a header, so that no address and no log holds it.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.errors import InputError, PlaygroundError
from core.history import ALL, Change, Entry, Wanted, changes
from core.params import TASKS
from core.sharing import Link
from core.studio import Studio
from core.words import say
from ui import messages
from ui.server.exports import Exports
from ui.server.gradio_patches.password_login import needs_login
from ui.server.routes import Media

HEADER = "x-srpo-gallery"
LIFE_S = 12 * 3600
"""Seconds that a key is good for; the page asks for another one then."""
MOST = 500
"""Images that one request shows or changes."""
MOST_IDS = 20_000
"""Ids that one answer lists."""
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Gallery:
    """Makes the keys of browsers and answers what they ask for with them."""

    studio: Studio
    media: Media

    async def key(self, owner: str, now: float | None = None) -> str:
        """Return a key for all that an owner may see of the history from now on."""
        until = int((time.time() if now is None else now) + LIFE_S)
        return f"{quote(owner, safe='')}.{until}.{await self._sign(owner, until)}"

    async def _sign(self, owner: str, until: int) -> str:
        return await self.media.sign(owner, f"gallery until {until}")

    async def owner(self, key: str) -> str | None:
        """Return whose a key is; None for one that is none, or no longer."""
        named, _, signature = key.rpartition(".")
        owner, _, until = named.rpartition(".")
        if not (until.isascii() and until.isdecimal() and len(until) < 12):
            return None
        owner = unquote(owner)
        own = await self._sign(owner, int(until))
        if not hmac.compare_digest(signature.encode(), own.encode()):
            return None
        return owner if int(until) > time.time() else None

    async def answer(self, request: Request) -> Response:
        """Answer in JSON: 401 without a good key, 400 with a sentence for what cannot be meant."""
        way = WAYS.get(request.path_params["name"])
        try:
            owner = await self.owner(request.headers.get(HEADER, ""))
            if owner is None or needs_login(request.app, request.cookies):
                return _answer({"detail": say("gallery-expired")}, 401)
            if way is None:
                return _answer({"detail": say("gallery-unknown")}, 404)
            asked = await _body(request)
            return _answer(await way(self, owner, asked))
        except PlaygroundError as error:
            field = getattr(error, "field", "")
            return _answer({"detail": messages.trouble(error), "field": field}, 400)

    def routes(self) -> list[Route]:
        """Return the routes that precede Gradio's."""
        return [Route("/gallery/{name}", self.answer, methods=["POST"])]

    async def page(self, owner: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the first images of what is wanted, and how many there are in all."""
        wanted = _wanted(asked)
        found = await self.studio.entries(owner, limit=_limit(asked, MOST), wanted=wanted)
        count = await self.studio.count_entries(owner, wanted)
        return {"entries": [await self._thumb(entry) for entry in found], "count": count}

    async def order(self, owner: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the ids of what is wanted, in order, after the image `before`."""
        ids = await self.studio.entry_ids(
            owner,
            _wanted(asked),
            limit=_limit(asked, MOST_IDS),
            before=_text(asked, "before"),
        )
        return {"ids": ids}

    async def entries(self, owner: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return images by their ids; those that are gone are left out."""
        trash = asked.get("trash") is True
        found = await self.studio.entries_named(owner, _ids(asked), trash=trash)
        return {"entries": [await self._thumb(entry) for entry in found]}

    async def change(self, owner: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Change images as `do` says, with its `value`; those that are gone are left out."""
        make = CHANGES.get(_text(asked, "do"))
        if make is None:
            raise InputError(say("not-understood"), field="do")
        changed = 0
        change = make(_text(asked, "value"))
        async with aclosing(self.studio.change_all(change, _ids(asked), owner=owner)) as steps:
            async for step in steps:
                changed = step.changed
        return {"changed": changed}

    async def facets(self, owner: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return what can be chosen: facts, sets, tags, collections, filters, the trash."""
        labels = messages.labels(self.studio.backends)
        return {
            "backends": [[name, label] for name, label in labels.items()],
            "models": [[name, name] for name in await self.studio.models(owner)],
            "tags": [[name, name] for name, _ in await self.studio.tags(owner)],
            "tasks": [[name, messages.task(name)] for name in TASKS],
            "sets": [
                [name, title or name[:8]] for name, title in await self.studio.set_titles(owner)
            ],
            "collections": [
                {"id": one.id, "title": one.title, "count": one.count}
                for one in await self.studio.collections(owner)
            ],
            "filters": [
                {"id": one.id, "title": one.title, "wanted": _told(one.wanted)}
                for one in await self.studio.filters(owner)
            ],
            "trash": await self.studio.in_trash(owner),
            "links": len(await self.studio.shares(owner)) if self.studio.is_sharing() else None,
            "days": self.studio.trash_days,
        }

    async def progress(self, owner: str, _asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is done to older images in the background, in a sentence; "" for nothing."""
        text = messages.background(
            self.studio.indexing(),
            self.studio.left_to_describe(),
            sums=self.studio.tells_sums(owner),
        )
        return {"text": text}

    async def collection(self, owner: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Make, rename or delete a collection; return what can be chosen then."""
        one, title, made = _text(asked, "id"), _text(asked, "title"), ""
        match asked.get("do"):
            case "create":
                made = (await self.studio.create_collection(title, owner=owner)).id
            case "rename":
                await self.studio.rename_collection(one, title, owner=owner)
            case "delete":
                await self.studio.delete_collection(one, owner=owner)
            case _:
                raise InputError(say("not-understood"), field="do")
        return {"made": made} | await self.facets(owner, asked)

    async def filter(self, owner: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Save a filter under a title, or delete one; return what can be chosen then."""
        match asked.get("do"):
            case "save":
                title = _text(asked, "title")
                await self.studio.save_filter(title, _wanted(asked), owner=owner)
            case "delete":
                await self.studio.delete_filter(_text(asked, "id"), owner=owner)
            case _:
                raise InputError(say("not-understood"), field="do")
        return await self.facets(owner, asked)

    async def links(self, owner: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the open links to look at; `do` revokes one of them, or all, before."""
        match asked.get("do"):
            case None:
                pass
            case "revoke":
                await self.studio.revoke_share(_text(asked, "id"), owner=owner)
            case "revoke-all":
                await self.studio.revoke_all_shares(owner)
            case _:
                raise InputError(say("not-understood"), field="do")
        return {"links": [await self._link(one) for one in await self.studio.links(owner)]}

    async def _link(self, link: Link) -> dict[str, Any]:
        entry, share = link.entry, link.share
        return {
            "id": share.id,
            "kind": share.kind,
            "title": link.title,
            "since": share.created_at,
            "address": f"s/{link.secret}" if link.secret else "",
            "thumbnail": await self.media.url(entry, "thumbnail") if entry else "",
            "entry": entry.id if entry else "",
            "flagged": bool(entry and entry.flagged),
        }

    async def empty(self, owner: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Remove images of the trash for good; the page has asked before."""
        gone = 0
        async with aclosing(self.studio.empty_trash(owner, _ids(asked))) as steps:
            async for step in steps:
                gone = step.changed
        return {"changed": gone}

    async def export(self, owner: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the address of a download of images, whose ids come in one text."""
        wish = {name: asked[name] for name in WISHES if name in asked}
        ids = _text(asked, "ids").split()
        kind = _text(asked, "kind") or "zip"
        url = Exports(self.studio).url(owner, ids, kind=kind, title=_text(asked, "title"), **wish)
        return {"url": url}

    async def about(self, owner: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return what an owner keeps with an image, and what it was made from and into."""
        entry = await self.studio.entry(_text(asked, "id"), owner=owner)
        kin = await self.studio.lineage(entry.id, owner=owner)
        collected = await self.studio.collections_of(entry.id, owner=owner)
        return {
            "id": entry.id,
            "title": entry.title,
            "note": entry.note,
            "tags": list(await self.studio.tags_of(entry.id, owner=owner)),
            "collections": [{"id": one, "title": title} for one, title in collected],
            "made_from": await self._thumb(kin.made_from) if kin.made_from else None,
            "in_trash": bool(kin.made_from and kin.made_from.deleted_at),
            "gone": bool(entry.parent and not kin.made_from),
            "source": await self.media.url(entry, "source") if kin.source else "",
            "strength": kin.strength,
            "made_into": [await self._thumb(one) for one in kin.made_into],
            "more": kin.more,
            "set": {"id": kin.set_id, "title": kin.set_title} if kin.set_id else None,
        }

    async def describe(self, owner: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Give an image a title, a note, or both."""
        told = {name: _text(asked, name) for name in ("title", "note") if name in asked}
        await self.studio.describe(_text(asked, "id"), owner=owner, **told)
        return {}

    async def duplicates(self, owner: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the images that show the same as one, which comes first."""
        entry = await self.studio.entry(_text(asked, "id"), owner=owner)
        found = [entry, *await self.studio.duplicates(entry.id, owner=owner)]
        return {"entries": [await self._thumb(one) for one in found]}

    async def all_duplicates(self, owner: str, _asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return how far the search for all duplicates is, or the groups that it found.

        A group has ids, the one to keep first, and which of them are the very same file.
        """
        search = self.studio.all_duplicates(owner)
        groups = [
            {"ids": [one.id for one in group.entries], "copies": list(group.copies)}
            for group in search.groups or ()
        ]
        return {
            "stage": search.stage,
            "done": search.done,
            "total": search.total,
            "groups": None if search.groups is None else groups,
        }

    async def details(self, owner: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return images by their ids with what tells one from another that shows the same."""
        found = await self.studio.entries_named(owner, _ids(asked))
        return {"entries": [await self._thumb(one) | _facts(one) for one in found]}

    async def _thumb(self, entry: Entry) -> dict[str, Any]:
        return {
            "id": entry.id,
            "prompt": entry.prompt,
            "thumbnail": await self.media.url(entry, "thumbnail"),
            "starred": entry.starred,
            "flagged": entry.flagged,
            "tag": messages.tag(entry),
        }


KINDS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("query", "backend", "model", "task", "shape", "set_id", "source"), (str,)),
    **dict.fromkeys(("parent", "collection", "tag", "colour", "like", "sort"), (str,)),
    **dict.fromkeys(("min_size", "max_size", "seed"), (int,)),
    **dict.fromkeys(("since", "until", "min_price", "max_price"), (int, float)),
    **dict.fromkeys(("starred", "flagged", "sandbox", "trash"), (bool,)),
}
"""What a browser may say of what it wants, and as what."""
CHOICES: Mapping[str, Collection[str]] = {
    "sort": ("", "newest", "oldest", "dearest", "cheapest", "random"),
    "shape": ("", "square", "landscape", "portrait"),
}
LARGEST = 2**53
"""Above it a browser's numbers are no longer exact."""
Way = Callable[[Gallery, str, Mapping[str, Any]], Awaitable[dict[str, Any]]]
WAYS: Mapping[str, Way] = {
    "page": Gallery.page,
    "order": Gallery.order,
    "entries": Gallery.entries,
    "change": Gallery.change,
    "facets": Gallery.facets,
    "progress": Gallery.progress,
    "collection": Gallery.collection,
    "filter": Gallery.filter,
    "links": Gallery.links,
    "empty": Gallery.empty,
    "export": Gallery.export,
    "duplicates": Gallery.duplicates,
    "all-duplicates": Gallery.all_duplicates,
    "details": Gallery.details,
    "about": Gallery.about,
    "describe": Gallery.describe,
}
WISHES = ("profile", "format", "quality", "longest", "template", "mark", "manifest")
"""How a download can be wished for."""
CHANGES: Mapping[str, Callable[[str], Change]] = {
    "star": lambda _: changes.star(True),
    "unstar": lambda _: changes.star(False),
    "delete": lambda _: changes.throw_away(),
    "restore": lambda _: changes.restore(),
    "collect": changes.collect,
    "take-out": changes.take_out,
    "tag": changes.tag,
    "untag": changes.untag,
}
"""What can be done to many images, by the name that the page gives it."""


def _facts(entry: Entry) -> dict[str, Any]:
    size = f"{entry.width} × {entry.height} {entry.format.upper()}"
    return {"size": size, "made_at": entry.created_at, "title": entry.title}


async def _body(request: Request) -> Mapping[str, Any]:
    try:
        found = await request.json()
    except ValueError:
        found = None
    if not isinstance(found, Mapping):
        raise InputError(say("not-understood"))
    return found


def _wanted(asked: Mapping[str, Any]) -> Wanted:
    """Read what is wanted of the history; raises InputError at what is no such thing."""
    told = asked.get("wanted")
    given = dict(told) if isinstance(told, Mapping) else {}
    found: dict[str, Any] = {}
    for name, kinds in KINDS.items():
        value = given.pop(name, None)
        if value is None:
            continue
        fits = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
        if fits and not isinstance(value, str):
            fits = abs(value) < LARGEST
        if not fits or value not in CHOICES.get(name, (value,)):
            raise InputError(say("not-understood"), field=name)
        found[name] = value
    if given:
        raise InputError(say("not-understood"), field=str(next(iter(given)))[:40])
    return Wanted(**found)


def _told(wanted: Wanted) -> dict[str, Any]:
    """Return what matters of what is wanted, as a browser says it."""
    return {name: fact for name, fact in asdict(wanted).items() if fact != getattr(ALL, name)}


def _text(asked: Mapping[str, Any], name: str) -> str:
    found = asked.get(name)
    return found if isinstance(found, str) else ""


def _limit(asked: Mapping[str, Any], most: int) -> int:
    found = asked.get("limit")
    return min(max(found, 1), most) if isinstance(found, int) else most


def _ids(asked: Mapping[str, Any]) -> list[str]:
    """Return the ids that a browser names; raises InputError where there are too many."""
    found = asked.get("ids")
    ids = [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
    if len(ids) > MOST:
        raise InputError(say("gallery-too-many", most=MOST), field="ids")
    return ids


def _answer(found: Mapping[str, Any], status: int = 200) -> Response:
    return JSONResponse(found, status, HEADERS)
