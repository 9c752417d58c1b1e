"""A Space that was duplicated without any setting says what whoever runs it can add."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from core.backend import Readiness
from core.settings import Settings
from tests.ui.page_parts import backend
from ui import markup, space_owner

SPACE = {"SYSTEM": "spaces"}


def studio(stage: Any = "licence", *, sandbox: bool = True, closed: bool = False) -> Any:
    model = backend("local", readiness=lambda: Readiness(stage), load=lambda: None)
    service = backend("WaveSpeed", sandbox=sandbox, key_setting="WAVESPEED_API_KEY")
    shut = {"WaveSpeed": "closed"} if closed else {}
    return SimpleNamespace(backends={"local": model, "w": service}, closed_to=lambda: shut)


def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, srpo_data_dir=tmp_path)  # type: ignore[call-arg]


def test_everything_that_is_missing_is_named_with_its_setting(tmp_path: Path) -> None:
    """Keys, the licence, storage, signing in; each with the name to set."""
    found = space_owner.of(studio(), settings(tmp_path), SPACE, sign_in=False)
    assert found.fleeting
    drawn = markup.for_the_owner(found.can_add)
    for name in ("WAVESPEED_API_KEY", "SRPO_ACCEPT_LICENSE=1", "SRPO_DATA_DIR=/data", "hf_oauth"):
        assert name in drawn
    assert "SRPO_BUDGET_DAY_USD" not in drawn
    assert "until it sleeps" in markup.header(None, fleeting=True)
    assert "until it sleeps" not in markup.header(None)


def test_what_is_there_is_not_asked_for(tmp_path: Path) -> None:
    """A key without a budget is told to need one; elsewhere than on a Space nothing is said."""
    ready = studio("ready", sandbox=False, closed=True)
    found = space_owner.of(ready, settings(tmp_path), SPACE, sign_in=True)
    assert [one.partition(":")[0] for one in found.can_add] == ["Storage", "A budget"]
    assert space_owner.of(studio(), settings(tmp_path), {}, sign_in=False) == space_owner.NOBODY
    assert markup.for_the_owner([]) == ""
