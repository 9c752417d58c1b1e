"""The routes by which sets leave: contact sheet, zip, tables, and a page that needs no server.

As with images, an address carries a signature that only this server can make, for that set and its
owner; whoever was not given the address cannot guess it.
"""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from core.errors import PlaygroundError
from core.exports import names
from core.exports.manifest import as_csv, as_json
from core.exports.sheet import Sheet, drawn
from core.exports.zips import Files, zipped
from core.history import Entry
from core.jobs.job import iso
from core.jobs.sets import JobSet, SetCell
from core.sets import blind
from core.studio import Studio
from core.words import say
from ui import markup, messages
from ui.server.gradio_patches.password_login import needs_login
from ui.server.routes import Media

USUAL = "{page}-{row}-{column}-{seed}-{prompt:40}"
KNOWN = tuple("set number page row column target seed prompt date time backend model".split())

HEADERS = {
    "Cache-Control": "private, no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A set with its finished images, by the id of their job."""

    set: JobSet
    entries: Mapping[str, Entry]

    @property
    def filled(self) -> list[tuple[SetCell, Entry]]:
        """The cells that have an image, in the order of the table."""
        cells = ((one, self.entries.get(one.job.id)) for one in self.set.cells)
        return [(cell, entry) for cell, entry in cells if entry]


@dataclass(frozen=True, slots=True)
class SetFiles:
    """Makes and answers the addresses of what a set can be taken away as."""

    studio: Studio
    media: Media

    async def addresses(self, found: JobSet) -> dict[str, str]:
        """Return the addresses of a set's files, relative to the page."""
        signature = await self._sign(found)
        return {name: f"sets/{found.id}/{signature}/{name}" for name in WAYS}

    async def _sign(self, found: JobSet) -> str:
        return await self.media.sign(found.owner, f"set {found.id}")

    async def answer(self, request: Request) -> Response:
        """Serve a file of a set, or a plain 404 that tells nothing."""
        if needs_login(request.app, request.cookies):
            return Response(say("server-sign-in-first"), status_code=401, media_type="text/plain")
        way = WAYS.get(request.path_params["name"])
        try:
            found = await self.studio.set(request.path_params["set"])
            own = await self._sign(found)
            signed = hmac.compare_digest(request.path_params["signature"].encode(), own.encode())
            if way is None or not signed:
                return _missing()
            entries = await self.studio.entries_of(found.jobs)
        except PlaygroundError:
            return _missing()
        by_job = {job.id: entry for job in found.jobs if (entry := entries.get(job.entry_id or ""))}
        try:
            return await way(self, Loaded(found, by_job), request.query_params)
        except PlaygroundError as error:
            said = f"{messages.trouble(error)}\n"
            return Response(said, status_code=400, media_type="text/plain", headers=HEADERS)

    def routes(self) -> list[Route]:
        """Return the routes that precede Gradio's."""
        return [Route("/sets/{set}/{signature}/{name}", self.answer, methods=["GET"])]

    async def sheet(self, loaded: Loaded, asked: Mapping[str, str]) -> Response:
        """Draw the images of a page with their headings into one PNG."""
        found = loaded.set
        page = _page(asked, len(found.pages))
        images = {}
        for cell, entry in loaded.filled:
            if cell.page == page:
                images[cell.row, cell.column] = await self.studio.file(entry.thumbnail)
        words = {(c.row, c.column): c.job.state for c in found.cells if c.page == page}
        title = found.title + (f" · {found.pages[page]}" if found.pages[page] else "")
        table = Sheet(title, found.columns, found.rows, images, words, " ".join(found.notes))
        data = await asyncio.to_thread(drawn, table)
        return _file(data, "image/png", f"{_named(found)}.png")

    async def zip(self, loaded: Loaded, asked: Mapping[str, str]) -> Response:
        """Send the images with names by template, and both manifests.

        With `check` in the address nothing is sent, and only what is wrong with the names is said.
        """
        named = self._named_cells(loaded, asked.get("names") or USUAL)
        if "check" in asked:
            return Response(status_code=204, headers=HEADERS)
        return _stream(zipped(self._zip(loaded, named)), f"{_named(loaded.set)}.zip")

    async def page(self, loaded: Loaded, asked: Mapping[str, str]) -> Response:
        """Send a page with its images that opens from a folder without this program."""
        named = self._named_cells(loaded, USUAL)
        return _stream(zipped(self._page(loaded, named)), f"{_named(loaded.set)}-page.zip")

    async def csv(self, loaded: Loaded, asked: Mapping[str, str]) -> Response:
        """Send one line a cell."""
        data = as_csv(_lines(loaded, self._named_cells(loaded, USUAL)))
        return _file(data, "text/csv; charset=utf-8", f"{_named(loaded.set)}.csv")

    async def json(self, loaded: Loaded, asked: Mapping[str, str]) -> Response:
        """Send all of the set."""
        data = as_json(_all(loaded, self._named_cells(loaded, USUAL)))
        return _file(data, "application/json", f"{_named(loaded.set)}.json")

    async def picks(self, loaded: Loaded, asked: Mapping[str, str]) -> Response:
        """Send how often each column was picked, with its interval."""
        data = as_csv(_shares(loaded.set))
        return _file(data, "text/csv; charset=utf-8", f"{_named(loaded.set)}-picks.csv")

    def _named_cells(self, loaded: Loaded, template: str) -> dict[str, str]:
        """Return the file name of each image, by the id of its job."""
        names.check(template, KNOWN)
        taken: set[str] = set()
        found: dict[str, str] = {}
        for number, (cell, entry) in enumerate(loaded.filled, 1):
            if cell.job.id not in found:
                facts = _facts(loaded.set, cell, entry) | {"number": f"{number:03d}"}
                ending = PurePosixPath(entry.file).suffix
                found[cell.job.id] = names.name(template, facts, ending, taken)
        return found

    async def _zip(self, loaded: Loaded, named: Mapping[str, str]) -> Files:
        yield "manifest.csv", as_csv(_lines(loaded, named))
        yield "manifest.json", as_json(_all(loaded, named))
        async for one in self._images(loaded, named):
            yield one

    async def _page(self, loaded: Loaded, named: Mapping[str, str]) -> Files:
        yield "index.html", _drawn_page(loaded, named).encode()
        async for name, data in self._images(loaded, named):
            yield f"images/{name}", data

    async def _images(self, loaded: Loaded, named: Mapping[str, str]) -> Files:
        for job_id, name in named.items():
            yield name, await self.studio.file(loaded.entries[job_id].file)


Way = Callable[[SetFiles, Loaded, Mapping[str, str]], Awaitable[Response]]
WAYS: Mapping[str, Way] = {
    "sheet.png": SetFiles.sheet,
    "images.zip": SetFiles.zip,
    "page.zip": SetFiles.page,
    "manifest.csv": SetFiles.csv,
    "manifest.json": SetFiles.json,
    "picks.csv": SetFiles.picks,
}


def _page(asked: Mapping[str, str], count: int) -> int:
    text = asked.get("page", "0")
    return min(int(text), count - 1) if text.isdecimal() and len(text) < 6 else 0


def _facts(found: JobSet, cell: SetCell, entry: Entry) -> dict[str, Any]:
    made = datetime.fromtimestamp(entry.created_at, UTC)
    return {
        "set": found.title,
        "page": cell.page + 1,
        "row": cell.row + 1,
        "column": cell.column + 1,
        "target": found.columns[cell.column],
        "seed": entry.seed,
        "prompt": entry.prompt,
        "backend": entry.backend,
        "model": entry.model.replace("/", "-"),
        "date": f"{made:%Y-%m-%d}",
        "time": f"{made:%H%M%S}",
    }


def _lines(loaded: Loaded, named: Mapping[str, str]) -> list[dict[str, Any]]:
    found = loaded.set
    lines = []
    for cell in found.cells:
        job, entry = cell.job, loaded.entries.get(cell.job.id)
        lines.append(
            {
                "page": found.pages[cell.page],
                "row": found.rows[cell.row],
                "column": found.columns[cell.column],
                "state": job.state,
                "picked": found.picks.get((cell.row, cell.page)) == cell.column,
                "file": named.get(job.id, ""),
                "backend": job.backend,
                "model": entry.model if entry else job.params.get("model", ""),
                "prompt": job.params.get("prompt", ""),
                "seed": job.seed,
                "price_usd": job.price_usd,
                "charged": job.charged,
                "elapsed_s": entry.elapsed_s if entry else None,
                "request_id": job.request_id,
                "sandbox": job.sandbox,
                "error": job.error,
                "sent": job.sent,
            }
        )
    return lines


def _all(loaded: Loaded, named: Mapping[str, str]) -> dict[str, Any]:
    facts = loaded.set.as_dict()
    picks = [
        {"row": row, "page": page, "column": column}
        for (row, page), column in loaded.set.picks.items()
    ]
    return facts | {"picks": picks, "images": _lines(loaded, named)}


def _shares(found: JobSet) -> list[dict[str, Any]]:
    return [
        {
            "target": one.target,
            "picks": one.picks,
            "of": one.of,
            "share": round(one.picks / one.of, 4) if one.of else None,
            "low_95": round(one.low, 4),
            "high_95": round(one.high, 4),
        }
        for one in blind.shares(found.picks, found.columns)
    ]


def _drawn_page(loaded: Loaded, named: Mapping[str, str]) -> str:
    found = loaded.set
    cells = {(one.page, one.row, one.column): one for one in found.cells}
    return markup.render(
        "set_page",
        found=found,
        cells=cells,
        entries=loaded.entries,
        named=named,
        made=iso(found.created_at)[:16].replace("T", " "),
    )


def _named(found: JobSet) -> str:
    """Return a plain name for a set's files that every header and system takes."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", found.title).strip("-").lower()[:40]
    return words or f"set-{found.id[:8]}"


def _file(data: bytes, kind: str, name: str) -> Response:
    headers = HEADERS | {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type=kind, headers=headers)


def _stream(parts: AsyncIterator[bytes], name: str) -> Response:
    headers = HEADERS | {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(parts, media_type="application/zip", headers=headers)


def _missing() -> Response:
    return Response(say("sets-there-no-such-set"), status_code=404, media_type="text/plain")
