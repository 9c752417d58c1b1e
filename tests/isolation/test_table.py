"""The table is complete: nothing can be asked of the program that nobody has judged."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

import pytest
from gradio.block_function import BlockFunction

import backends
from backends import Settings
from core.history import History
from core.jobs.ledger import Ledger
from core.own_keys import OwnKeys
from core.storage.database import Database
from core.storage.files import Storage
from core.studio import Studio
from core.tokens import Tokens
from tests.isolation.table import ENDPOINTS, EVENTS, HANDLERS, ROUTES, judged
from ui import page
from ui.server.exports import Exports
from ui.server.gallery import Gallery
from ui.server.routes import Media
from ui.server.set_files import SetFiles
from ui.server.shares import SharedPages
from ui.server.take_away import TakeAway

OAUTH = {
    "OAUTH_CLIENT_ID": "id",
    "OAUTH_CLIENT_SECRET": "secret",
    "OAUTH_SCOPES": "openid profile",
    "OPENID_PROVIDER_URL": "http://127.0.0.1:9",
}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    settings = Settings(
        srpo_data_dir=tmp_path_factory.mktemp("table"),
        _env_file=None,  # type: ignore[call-arg]
    )
    history = History(Database(settings.database), Storage(settings.storage))
    own = OwnKeys(partial(backends.with_key, settings), backends.KEYED)
    made = backends.create(settings)
    return Studio(made, Ledger(history.database), history, own=own)


@pytest.fixture(scope="module")
def events(studio: Studio) -> Sequence[BlockFunction]:
    """Everything that the page can ask of the server; signing in with an account adds the most."""
    found: list[BlockFunction] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYSTEM", "spaces")
        patch.setenv("SPACE_ID", "ann/play")
        for name, value in OAUTH.items():  # without them Gradio asks for a login of its own
            patch.setattr(f"gradio.oauth.{name}", value)
        for login in ("", "account"):
            demo = page.build(studio, Tokens(studio.history.database), "miniature", [], login=login)
            # Those without a function run in the browser alone.
            found += [one for one in demo.fns.values() if one.fn is not None]
    return found


def test_every_endpoint_event_and_function_behind_them_is_in_the_table(
    events: Sequence[BlockFunction],
) -> None:
    """Raw HTTP runs the page's private events too, so they are doors like any other."""
    known = {prefix + name for prefix, names in HANDLERS.items() for name in names.split()}
    for one in events:
        name = str(one.api_name)
        public = one.api_visibility == "public"
        assert name in ENDPOINTS if public else judged(name), f"{name} is not in the table"
    assert {one.fn.__qualname__ for one in events} == known
    names = {str(one.api_name) for one in events}
    assert {*ENDPOINTS, *EVENTS} <= names, "the table names what is not there"


def test_an_event_that_shares_a_name_has_the_same_handler(events: Sequence[BlockFunction]) -> None:
    """What the table says of one event is said of its twins, so they must be twins."""
    behind: dict[str, set[str]] = {}
    for one in events:
        if one.api_visibility != "public":
            name = str(one.api_name)
            key = name if name in EVENTS else re.sub(r"_\d+$", "", name)
            behind.setdefault(key, set()).add(one.fn.__qualname__)
    assert [names for names in behind.values() if len(names) > 1] == []


def test_every_route_of_ours_is_in_the_table(studio: Studio) -> None:
    """Those beside Gradio's."""
    media = Media(studio)
    ours = [
        *media.routes(),
        *TakeAway(studio, media).routes(),
        *SetFiles(studio, media).routes(),
        *Exports(studio).routes(),
        *Gallery(studio, media).routes(),
        *SharedPages(studio, "").routes(),
    ]
    assert {route.path for route in ours} == set(ROUTES)
