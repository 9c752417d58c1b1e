"""Asks Gradio who has signed in with a password, for the routes that are not Gradio's.

Relies on what its app holds: the users, the tokens that it issued, and the names of its cookies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradio.routes import App

from ui.server.gradio_patches.promises import Promises, mentions

COOKIES = ("access-token-", "access-token-unsecure-")


def needs_login(app: Any, cookies: Mapping[str, str]) -> bool:
    """Whether a request to Gradio's app lacks the sign-in that `SRPO_AUTH` wants.

    Gradio asks the same for its own routes; ours come before them.
    """
    if getattr(app, "auth", None) is None:
        return False
    return not any(app.tokens.get(cookies.get(name + app.cookie_id, "")) for name in COOKIES)


def _asks_for_passwords(page: Any) -> bool:
    """Give a page a user, whom it forgets again."""
    app, before = App(), page.auth
    try:
        page.auth = [("ann", "secret")]
        app.configure_app(page)
    finally:
        page.auth = before
    if not needs_login(app, {}):
        return False
    app.tokens["sesame"] = "ann"
    known = not needs_login(app, {f"{COOKIES[0]}{app.cookie_id}": "sesame"})
    return known and mentions(App.create_app, "tokens", "cookie_id", *COOKIES)


PROMISES: Promises = {"who has signed in with a password is not known": _asks_for_passwords}
