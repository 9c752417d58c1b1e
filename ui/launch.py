"""Serves the page: the theme, the style sheet, the routes and the switches of Gradio's server."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.middleware import Middleware

from core.backend import Backend
from core.errors import InputError
from core.exposure import exposure
from core.settings import Settings
from core.studio import Studio
from core.tokens import Tokens
from ui import messages, page
from ui.account import Login
from ui.server import cleaning, connections
from ui.server.body_limits import Bodies
from ui.server.caller import PRIVATE, Entrance, StampCaller, networks
from ui.server.gradio_patches.check import check
from ui.server.gradio_patches.fetching import keep_from_fetching
from ui.server.gradio_patches.hub_login import offered
from ui.server.hosts import KnownHosts
from ui.server.login_limit import LimitedLogin
from ui.server.mistakes import Mistakes
from ui.server.origin_guard import Framed, SameOrigin
from ui.server.routes import Media
from ui.server.sessions import KnownStreams
from ui.server.sign_in import SignIn
from ui.server.upload_quota import LimitedUploads, policy
from ui.theme import theme

ASSETS = Path(__file__).parent.parent / "assets"
Life = Callable[[Any], AbstractAsyncContextManager[None]]


def serve(studio: Studio, tokens: Tokens, settings: Settings, life: Life) -> None:
    """Build the page and serve it until the process is stopped."""
    _declare_gpu_use()
    cleaning.own_folder()
    keep_from_fetching()
    connections.install()
    if shut := studio.closed_to():
        labels = [studio.backends[name].label for name in shut]
        sys.stdout.write(f"{messages.locked(labels)}\n")
    default = default_backend(studio.backends, settings.srpo_backend, shut)
    examples = json.loads((ASSETS / "examples.json").read_text(encoding="utf-8"))
    demo = page.build(
        studio,
        tokens,
        default,
        examples,
        ask_above=settings.srpo_confirm_above_usd,
        login=login(settings),
    )
    check(demo)
    demo.queue(max_size=1000, default_concurrency_limit=None)
    # Otherwise uvicorn would believe any program on this machine about where a request came from.
    os.environ["FORWARDED_ALLOW_IPS"] = ""
    demo.launch(**options(studio, tokens, settings, life, share_url=lambda: demo.share_url))


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
    return {
        "theme": theme(),
        "css": (ASSETS / "style.css").read_text(encoding="utf-8"),
        "head": f"<script>{(ASSETS / 'page.js').read_text(encoding='utf-8')}</script>",
        # Gradio reads its variable at import, which is before a flag can set it.
        "server_port": int(port) if (port := os.environ.get("GRADIO_SERVER_PORT")) else None,
        "inbrowser": os.environ.get("SRPO_AUTOLAUNCH") == "1",
        "favicon_path": ASSETS / "icon.svg",
        "app_kwargs": {
            "routes": Media(studio).routes(),
            "middleware": [
                Middleware(StampCaller, entrance=entrance(settings), user=tokens.owner),
                Middleware(KnownHosts, names=settings.srpo_hosts.split(","), share_url=share_url),
                Middleware(Framed, embed=settings.srpo_embed),
                Middleware(SameOrigin),
                Middleware(KnownStreams),
                Middleware(LimitedUploads, policy=policy(settings, exposure(settings, os.environ))),
                *([Middleware(SignIn)] if login(settings) == "account" else []),
                Middleware(Bodies),
                *([Middleware(LimitedLogin)] if settings.users else []),
                Middleware(Mistakes),
            ],
            "lifespan": _with_cleaning(life, studio),
        },
        "auth": settings.users or None,
        "auth_message": messages.SIGN_IN,
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
