"""How requests reach us: our routes before Gradio's, our middleware inside of Gradio's.

Gradio would answer an address of ours with its page, and the middleware of its session has to be
around what reads the session. Its server leaves the choice of the protocol to uvicorn, which is how
`connections.py` gets a deadline for request heads. What Gradio cannot read ends in an error of its
own, which `mistakes.py` turns into a sentence.

Relies on `gradio.routes.App` taking both as FastAPI does, and on the prefix of Gradio's routes.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from gradio import http_server, route_utils
from gradio.routes import App
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Route

from ui.server.gradio_patches.promises import Promises, mentions

PREFIX = "/gradio_api"
NotFoundError: type[Exception] = route_utils.FnIndexInferError
"""What Gradio raises for an endpoint that does not exist."""


def _puts_ours_first(_page: Any) -> bool:
    """Make an app as Gradio does, with a route and two middlewares, and add what Gradio adds."""
    route = Route("/healthz", lambda _request: Response())
    outer, inner, added = (_named(name) for name in ("Outer", "Inner", "Added"))
    app = App(routes=[route], middleware=[Middleware(outer), Middleware(inner)])
    app.add_middleware(added)
    order = [one.cls for one in app.user_middleware]
    return app.routes[0] is route and order == [added, outer, inner]


def _named(name: str) -> Any:
    """Make a class that stands for a middleware."""
    return type(name, (), {})


def _has_the_prefix(_page: Any) -> bool:
    return bool(route_utils.API_PREFIX == PREFIX)


def _raises_for_nonsense(page: Any) -> bool:
    """Ask for an endpoint that does not exist."""
    asked = SimpleNamespace(session_hash=None, fn_index=None)
    try:
        route_utils.get_fn(page, "no such endpoint", asked)
    except NotFoundError:
        return True
    return False


def _leaves_the_protocol(_page: Any) -> bool:
    start = http_server.start_server
    return mentions(start, "Config", "log_level") and not mentions(start, "http")


PROMISES: Promises = {
    "our routes and middleware stand in another order": _puts_ours_first,
    "its routes begin in another way": _has_the_prefix,
    "it answers a call of nothing in another way": _raises_for_nonsense,
    "its server chooses another protocol": _leaves_the_protocol,
}
