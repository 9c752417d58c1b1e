"""Serves the page: the theme, the style sheet, the routes and the switches of Gradio's server."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from starlette.middleware import Middleware

from core import examples
from core.backend import Backend
from core.errors import InputError
from core.exposure import exposure
from core.settings import Settings
from core.studio import Studio
from core.tokens import Tokens
from core.words import ENGLISH, LANGUAGES, say
from ui import messages, page, space_owner
from ui.account import Login
from ui.server import cleaning, connections
from ui.server.body_limits import BodyLimits
from ui.server.caller import PRIVATE, Entrance, StampCaller, networks
from ui.server.exports import Exports
from ui.server.gallery import Gallery
from ui.server.gradio_patches import own_files
from ui.server.gradio_patches.arguments import Patient
from ui.server.gradio_patches.assets import Assets, keep, name_assets
from ui.server.gradio_patches.check import check
from ui.server.gradio_patches.fetching import keep_from_fetching
from ui.server.gradio_patches.hub_login import offered
from ui.server.gradio_patches.languages import name_language
from ui.server.gradio_patches.light_page import lighten_page
from ui.server.gradio_patches.mcp_calls import answer_without_progress
from ui.server.gradio_patches.own_files import name_own_files
from ui.server.gradio_patches.sessions import keep_numbers
from ui.server.gradio_patches.slow_start import allow_slow_start
from ui.server.hosts import KnownHosts
from ui.server.kept_page import KeptPage
from ui.server.language import Spoken
from ui.server.login_limit import LimitedLogin
from ui.server.mistakes import Mistakes
from ui.server.origin_guard import Framed, SameOrigin
from ui.server.routes import Media
from ui.server.sessions import KnownStreams
from ui.server.set_files import SetFiles
from ui.server.shares import SharedPages
from ui.server.sign_in import SignIn
from ui.server.take_away import TakeAway
from ui.server.upload_quota import LimitedUploads, policy
from ui.theme import theme

ASSETS = Path(__file__).parent.parent / "assets"
STYLES = ("style.css", "stage.css", "workbench.css", "dialog.css", "viewer.css")
SCRIPTS = (
    *("page.js", "dialog.js", "workbench.js", "prompt.js", "complete.js", "viewer.js", "code.js"),
)
"""In the order in which the page reads them."""
LATER_STYLES = ("compare.css", "history.css")
LATER_SCRIPTS = (
    *("compare.js", "compare-form.js", "compare-look.js"),
    *("history.js", "history-tools.js", "history-select.js", "history-lists.js"),
    "viewer-own.js",
)
"""What other tabs need: it comes once the page can be used."""
Life = Callable[[Any], AbstractAsyncContextManager[None]]


def serve(studio: Studio, tokens: Tokens, settings: Settings, life: Life) -> None:
    """Build the page and serve it until the process is stopped."""
    _declare_gpu_use()
    cleaning.own_folder()
    keep_from_fetching()
    allow_slow_start()
    answer_without_progress()
    keep_numbers()
    connections.install()
    name_language()
    lighten_page()
    name_assets()
    name_own_files(_joined(STYLES))
    if shut := studio.closed_to():
        labels = [studio.backends[name].label for name in shut]
        sys.stdout.write(f"{messages.locked(labels)}\n")
    default = default_backend(studio.backends, settings.srpo_backend, shut)
    found = examples.load(settings.srpo_data_dir / examples.NAME, ASSETS / examples.NAME)
    shown = [one | {"picture": own_files.image(one["picture"])} for one in found]

    def build() -> Patient:
        signing_in = login(settings)
        return page.build(
            studio,
            tokens,
            default,
            shown,
            ask_above=settings.srpo_confirm_above_usd,
            login=signing_in,
            owner=space_owner.of(studio, settings, os.environ, sign_in=bool(signing_in)),
        )

    demo = in_every_language(build, partial(head, settings))
    check(demo)
    demo.queue(max_size=1000, default_concurrency_limit=None)
    # Otherwise uvicorn would believe any program on this machine about where a request came from.
    os.environ["FORWARDED_ALLOW_IPS"] = ""
    demo.launch(**options(studio, tokens, settings, life, share_url=lambda: demo.share_url))


def in_every_language(build: Callable[[], Patient], head: Callable[[], str]) -> Patient:
    """Build the page; its texts in every other language are made when they are first wanted."""
    demo = build()
    for language in LANGUAGES:
        if language != ENGLISH:
            demo.tell(language, lambda: (build(), head()))
    return demo


def _declare_gpu_use() -> None:
    """Name a function that would use a GPU: a ZeroGPU Space stops programs that have none."""
    if os.environ.get("SPACES_ZERO_GPU") and importlib.util.find_spec("spaces"):
        importlib.import_module("spaces").GPU(lambda: None)


def login(settings: Settings) -> Login:
    """Say how users sign in: a password of `SRPO_AUTH` comes before everything else."""
    return "password" if settings.users else "account" if offered() else ""


def entrance(settings: Settings) -> Entrance:
    """Say whom to believe about where a request came from, and whether anybody is `local`."""
    space = os.environ.get("SYSTEM") == "spaces"
    shared = os.environ.get("GRADIO_SHARE", "").lower() in ("true", "1")
    trusted = settings.srpo_trusted_proxies or (PRIVATE if space else "")
    return Entrance(networks(trusted), settings.srpo_local_owner and not space and not shared)


def options(
    studio: Studio,
    tokens: Tokens,
    settings: Settings,
    life: Life,
    *,
    share_url: Callable[[], str | None] = str,
) -> dict[str, Any]:
    """Return the switches of Gradio's server, each for a reason named in GRADIO's notes."""
    media = Media(studio)
    return {
        "theme": theme(),
        "head": head(settings),
        # Gradio reads its variable at import, which is before a flag can set it.
        "server_port": int(port) if (port := os.environ.get("GRADIO_SERVER_PORT")) else None,
        "inbrowser": os.environ.get("SRPO_AUTOLAUNCH") == "1",
        "favicon_path": ASSETS / "icon.svg",
        "app_kwargs": {
            "routes": [
                *media.routes(),
                *TakeAway(studio, media).routes(),
                *SetFiles(studio, media).routes(),
                *Exports(studio).routes(),
                *Gallery(studio, media).routes(),
                *SharedPages(studio, _asset("shared.css")).routes(),
            ],
            "middleware": [
                Middleware(Assets),  # public, and asked for by the dozen
                Middleware(StampCaller, entrance=entrance(settings), user=tokens.owner),
                Middleware(Spoken),
                Middleware(KnownHosts, names=settings.srpo_hosts.split(","), share_url=share_url),
                Middleware(Framed, embed=settings.srpo_embed),
                Middleware(SameOrigin),
                *([] if login(settings) else [Middleware(KeptPage)]),
                Middleware(KnownStreams),
                Middleware(LimitedUploads, policy=policy(settings, exposure(settings, os.environ))),
                *([Middleware(SignIn)] if login(settings) == "account" else []),
                Middleware(BodyLimits),
                *([Middleware(LimitedLogin)] if settings.users else []),
                Middleware(Mistakes),
            ],
            "lifespan": _with_cleaning(life, studio),
        },
        "auth": settings.users or None,
        "auth_message": say("sign-in"),
        "max_file_size": "20mb",
        "max_threads": 512,
        "state_session_capacity": 500,
        "mcp_server": True,
        "ssr_mode": False,
        "run_history": False,
        "enable_monitoring": False,
        "show_error": False,
        "footer_links": ["api"],
    }


def head(settings: Settings) -> str:
    """Return what the page has in its head: its scripts with their sentences, as one file.

    The file names the script and the style sheet that the page fetches later.
    """
    texts = json.dumps(messages.script_texts())
    blur = 'document.documentElement.dataset.blur = "yes";' if settings.srpo_blur_flagged else ""
    later = {
        "script": keep("js", _joined(LATER_SCRIPTS).encode()),
        "styles": own_files.sheet(_joined(LATER_STYLES)),
    }
    first, *others = SCRIPTS
    told = f"srpo.later = {json.dumps(later)};\nsrpo.texts = {texts};\n{blur}"
    return own_files.script("\n;".join([_asset(first), told, _joined(others)]))


def _joined(names: Iterable[str]) -> str:
    """Return files of one kind as one text, with a semicolon after each script."""
    return "\n".join(f"{_asset(name)}{';' if name.endswith('.js') else ''}" for name in names)


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _with_cleaning(life: Life, studio: Studio) -> Life:
    """Clean as long as the program lives; where nothing can be written nothing is cleaned."""

    @asynccontextmanager
    async def living(app: Any) -> AsyncIterator[None]:
        async with life(app), AsyncExitStack() as stack:
            if not studio.closed:
                await stack.enter_async_context(cleaning.cleaning(studio))
            yield

    return living


def default_backend(
    backends: Mapping[str, Backend], wanted: str, closed: Collection[str] = ()
) -> str:
    """Choose the backend shown first: the one asked for, a real one that is ready, a sandbox.

    One that is closed to everybody is the last choice.
    """
    if wanted:
        if wanted not in backends:
            raise InputError(
                f"SRPO_BACKEND names “{wanted}”, which is not a backend.",
                field="SRPO_BACKEND",
                advice="Choose one of: " + ", ".join(backends) + ".",
            )
        return wanted
    ready = [name for name, one in backends.items() if not one.problem()]
    opened = [name for name in ready if name not in closed] or ready
    real = [name for name in opened if not backends[name].sandbox]
    return (real or opened or list(backends))[0]
