"""Signs in with Hugging Face by Gradio's own routes: what they need, and what they leave.

Elsewhere than on a Space, Gradio would let everybody in as the user whose token lies on this
machine; and a button that is made within a page gets a click of its own, which shows up in the API.

Relies on `gradio.oauth`: the names of its variables, routes and parameters, the session that its
middleware puts around ours, and on `LoginButton` being plain where it is made outside a page.
"""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio import oauth
from gradio.utils import get_space
from starlette.requests import Request

from ui.server.gradio_patches.promises import Promises, mentions

START, CALLBACK, END = "/login/huggingface", "/login/callback", "/logout"
TARGET = "_target_url"
"""Parameter that says where to go when it is done."""
TRIES = "_nb_redirects"
"""Parameter that counts how often the login began anew."""
SIGNED_IN = "oauth_info"
"""What a session calls the answer of the hub."""
NEEDED = ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")


def offered() -> bool:
    """Whether users can sign in: on a Space with all that the login needs, its secret above all."""
    needed = (get_space(), *(getattr(oauth, name) for name in NEEDED))
    return all(one and one.strip() for one in needed)


def session_of(request: Any) -> dict[str, Any]:
    """Return the session of a request, of Gradio or of Starlette; without one it is empty."""
    inner = getattr(request, "request", None) or request
    scope = getattr(inner, "scope", None) or {}
    return scope.get("session") or {}


def button(label: str, **options: Any) -> gr.LoginButton:
    """Return what makes Gradio serve its login; to be called before the page is begun."""
    return gr.LoginButton(label, icon=None, **options)


def _has_its_routes(_page: Any) -> bool:
    named = all(hasattr(oauth, name) for name in NEEDED) and callable(get_space)
    routes = mentions(oauth._add_oauth_routes, START, CALLBACK, END, TRIES, TARGET, SIGNED_IN)
    session = mentions(oauth.attach_oauth, "_add_oauth_routes", "SessionMiddleware")
    return named and routes and session and mentions(oauth._generate_redirect_uri, TARGET)


def _hands_sessions_on(_page: Any) -> bool:
    session: dict[str, Any] = {SIGNED_IN: {}}
    request = Request({"type": "http", "session": session})
    return session_of(request) is session and session_of(gr.Request(request)) is session


def _has_plain_buttons(_page: Any) -> bool:
    """Make a button outside a page, where a click of its own would be an error."""
    made = button("Sign in", render=False)
    return made.load_event_to_attach is None and gr.LoginButton.render is gr.Button.render


PROMISES: Promises = {
    "it signs in with Hugging Face in another way": _has_its_routes,
    "who has signed in with Hugging Face is not known": _hands_sessions_on,
    "the button for signing in shows up in the API": _has_plain_buttons,
}
