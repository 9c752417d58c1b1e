"""Hands out the files of Gradio's front end sooner, in fewer pieces, and for browsers to keep.

A page needs some seventy small files. Gradio reads and compresses each at every request, browsers
learn of most of them late, in four rounds, and have to ask for all of them at every visit. Here the
page names at once what its kinds of components need: the scripts to be fetched beforehand, and one
style sheet for theirs. Their links are there too, switched off, by which the front end takes them
for loaded. A file whose name has a digest of what is in it is answered out of memory and kept.

Relies on the folder from which Gradio answers below `/assets/`, on the names in it, on the end of
the page's head, and on how Vite writes down what a script loads.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gradio import routes
from gradio.brotli_middleware import Compressor, Mode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.server.gradio_patches import template
from ui.server.gradio_patches.promises import Promises, mentions
from ui.server.gradio_patches.spared_work import spare
from ui.server.origin_guard import route_of

PREFIX = "/assets/"
NAME = re.compile(r"[\w-]+-[\w-]{8}\d*\.(?:js|css)")
"""A file that has a digest in its name."""
STYLES = re.compile(r"styles-[0-9a-f]{16}\.css")
"""Ours for the styles of all components of a page."""
KEEP, KEEP_CHANGED = "public, max-age=31536000, immutable", "public, max-age=3600"
AT_ONCE = "//# allFunctionsCalledOnLoad\n"
"""Asks browsers to make functions ready beside the page, and not when each is first called."""
KINDS = {"css": "text/css", "js": "text/javascript", "webp": "image/webp"}
END = "</head>"
NAMED = (
    '{% for one in needed.scripts %}<link rel="modulepreload" crossorigin href="./assets/'
    '{{ one }}"{% if loop.index > needed.first %} fetchpriority="low"{% endif %}>{% endfor %}'
    # By a script: what looks ahead in the page for links loads those that are switched off, too.
    "<script>for (const one of {{ needed.styles | list | tojson }}) { "
    'const link = document.createElement("link"); link.setAttribute("disabled", ""); '
    'link.rel = "stylesheet"; link.crossOrigin = ""; link.setAttribute("href", `./assets/${one}`); '
    "document.head.append(link); }</script>"
    '<link rel="stylesheet" crossorigin href="./assets/{{ needed.sheet }}">'
    '<script type="module">{% for one in needed.parts %}import "./assets/{{ one }}";{% endfor %}'
    "</script>"
)
LISTED = re.compile(r"m\.f=\[([^\]]*)\]")
LOADED = re.compile(r"import\(`\./([^`]+)`\)[^_]{0,60}?,__vite__mapDeps\(\[([\d,]+)\]\)")
"""A script that another one loads when it is wanted, and with it files by their numbers."""
KIND = re.compile(r"(\w+):\{[^{}]*?component:\(\)=>\w+\(\(\)=>import\(`\./([^`]+)`\)")
"""The script of a kind of component."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is answered: its kind, as it is, and a text also compressed with Brotli."""

    kind: str
    plain: bytes
    packed: bytes | None
    keep: str = KEEP

    def answer(self, *, packs: bool) -> tuple[Message, Message]:
        """Return what is sent to those that can, or cannot, take it compressed."""
        packed = self.packed if packs else None
        body = self.plain if packed is None else packed
        headers = {
            "Content-Type": self.kind,
            "Content-Length": str(len(body)),
            "Cache-Control": self.keep,
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        headers |= {} if packed is None else {"Content-Encoding": "br"}
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        begin = {"type": "http.response.start", "status": 200, "headers": raw}
        return begin, {"type": "http.response.body", "body": body}


@dataclass(frozen=True, slots=True)
class Needed:
    """The names of what a page loads: scripts, style sheets, and the one that stands for these.

    The `first` so many of the scripts are wanted before the others; `parts` are those at which its
    components begin.
    """

    scripts: tuple[str, ...]
    first: int
    parts: tuple[str, ...]
    styles: tuple[str, ...]
    sheet: str


OWN: dict[str, bytes] = {}
"""What was kept of ours, by its name."""


class Assets:
    """ASGI middleware that answers for the scripts and styles of Gradio's front end."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for a file that is known by its digest; pass everything else on."""
        asset = self._asked(scope) if scope["type"] == "http" else None
        if asset is None:
            await self.app(scope, receive, send)
            return
        takes = (value for name, value in scope["headers"] if name == b"accept-encoding")
        for message in asset.answer(packs=any(b"br" in value for value in takes)):
            await send(message)

    def _asked(self, scope: Scope) -> Asset | None:
        if scope["method"] != "GET" or not (path := route_of(scope)).startswith(PREFIX):
            return None
        name = path.removeprefix(PREFIX)
        if name in OWN:
            return _own(name)
        if STYLES.fullmatch(name):
            wanted = needed(scope["app"].get_blocks().config)
            return _sheet(wanted.styles) if wanted and wanted.sheet == name else None
        there = NAME.fullmatch(name) and (folder() / name).is_file()
        return _asset(name) if there else None


def keep(kind: str, data: bytes) -> str:
    """Keep a file of ours, of one of `KINDS`, to be handed out; return its name."""
    name = f"own-{hashlib.sha256(data).hexdigest()[:16]}.{kind}"
    OWN[name] = data
    return name


def name_assets() -> None:
    """Have the page name what it needs."""
    routes.templates.env.globals["needed_by"] = needed
    named = f"{{% set needed = needed_by(config) %}}{{% if needed %}}{NAMED}{{% endif %}}"
    template.change({END: f"{named}{END}"})


def needed(config: Mapping[str, Any]) -> Needed | None:
    """Return what a page of this configuration loads; None where nobody is signed in yet."""
    kinds = frozenset(str(one["type"]) for one in config["components"])
    return _needed(kinds) if kinds else None


@cache
def _needed(kinds: frozenset[str]) -> Needed:
    first = entry()
    begun = loads(first)
    names = [name for files in begun.values() for name in files]
    begins, early = [*begun], len({name for name in names if name.endswith(".js")})
    for script in begun:
        later = loads(script)
        of_kinds = dict(KIND.findall(_text(script)))
        wanted = {of_kinds[kind] for kind in kinds & of_kinds.keys()}
        for one, files in later.items():
            if one in wanted or one.startswith("Blocks-"):
                names += files
                begins.append(one)
    present = [first, *(one.name for one in folder().glob("index-*.css"))]
    others = [name for name in dict.fromkeys(names) if name not in present]
    styles = tuple(name for name in others if name.endswith(".css"))
    digest = hashlib.sha256(_joined(styles)).hexdigest()[:16]
    scripts = tuple(name for name in others if name.endswith(".js"))
    parts = tuple(name for name in dict.fromkeys(begins) if name in scripts)
    return Needed(scripts, early, parts, styles, f"styles-{digest}.css")


def loads(script: str) -> Mapping[str, list[str]]:
    """Return what a script loads when it is wanted: other scripts, each with all its files."""
    text = _text(script)
    listed = LISTED.search(text)
    files = [Path(one.strip('"')).name for one in listed[1].split(",")] if listed else []
    return {name: [files[int(n)] for n in some.split(",")] for name, some in LOADED.findall(text)}


def _text(name: str) -> str:
    return (folder() / name).read_text("utf-8")


def _joined(styles: Iterable[str]) -> bytes:
    return b"\n".join((folder() / name).read_bytes() for name in styles)


@cache
def _sheet(styles: tuple[str, ...]) -> Asset:
    return _packed("text/css", _joined(styles))


@cache
def _own(name: str) -> Asset:
    return _packed(KINDS[name.rpartition(".")[2]], OWN[name])


@cache
def _asset(name: str) -> Asset:
    text = _text(name)
    spared = spare(name, text)
    kind = mimetypes.guess_type(name)[0] or KINDS["js"]
    whole = AT_ONCE + spared if name.endswith(".js") else spared
    return _packed(kind, whole.encode(), KEEP if spared == text else KEEP_CHANGED)


def _packed(kind: str, plain: bytes, keep: str = KEEP) -> Asset:
    if kind.startswith("image/"):
        return Asset(kind, plain, None, keep)
    return Asset(f"{kind}; charset=utf-8", plain, pack(plain), keep)


def pack(plain: bytes) -> bytes:
    """Compress a text with Brotli."""
    packer = Compressor(quality=5, mode=Mode.text)
    packed: bytes = packer.process(plain) + packer.finish()
    return packed


def entry() -> str:
    """Return the name of the script at which the front end begins."""
    [found] = folder().glob("index-*.js")
    return found.name


def folder() -> Path:
    """Return where the files of Gradio's front end lie."""
    return Path(routes.BUILD_PATH_LIB)


def _lie_in_the_folder(_page: Any) -> bool:
    return mentions(routes.App.create_app, "BUILD_PATH_LIB", "/assets/{path:path}")


def _are_named(page: Any) -> bool:
    """Whether the page names files that are there, and those of a kind of component."""
    wanted = _needed(frozenset({"textbox"}))
    names = [*wanted.scripts, *wanted.styles]
    there = all(NAME.fullmatch(name) and (folder() / name).is_file() for name in names)
    more = _needed(frozenset({"textbox", "dropdown"}))
    return template.has(END) and there and len(more.scripts) > len(wanted.scripts) > 10


PROMISES: Promises = {
    "the files of its front end lie elsewhere": _lie_in_the_folder,
    "the files that a page needs are not known": _are_named,
}
