"""Which backend is chosen at first: the best there is, and never one that cannot generate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import backends
from backends import Settings
from backends.miniature import Miniature
from core.backend import Backend
from core.errors import InputError
from ui.launch import default_backend


def built(**wishes: Any) -> dict[str, Backend]:
    return backends.create(Settings(_env_file=None, **wishes))


@pytest.mark.parametrize(
    ("wishes", "first"),
    [
        ({}, "miniature"),
        ({"wavespeed_api_key": "sk-x"}, "wavespeed"),
        ({"siraya_api_key": "sk-x"}, "siraya"),
        ({"self_hosted_base_url": "http://engine.lan"}, "self-hosted"),
        ({"local_model": "/nowhere"}, "miniature"),
    ],
    ids=["fresh machine", "wavespeed", "siraya", "self-hosted", "local without a model"],
)
def test_the_first_that_is_ready_and_no_sandbox_is_chosen(
    wishes: dict[str, Any], first: str
) -> None:
    """A key, an engine or a GPU comes before the model in the box, and that before a sandbox."""
    assert default_backend(built(**wishes), "") == first


def test_without_weights_everything_else_works(tmp_path: Path) -> None:
    """The miniature says what is missing, and the sandbox is chosen."""
    found = built() | {"miniature": Miniature(tmp_path)}
    assert found["miniature"].problem().startswith("The miniature's weights are missing. Get")
    assert default_backend(found, "") == "wavespeed"


def test_a_named_backend_is_chosen_or_refused() -> None:
    """SRPO_BACKEND is a wish that is never passed over."""
    assert default_backend(built(), "siraya") == "siraya"
    with pytest.raises(InputError, match="not a backend"):
        default_backend(built(), "dall-e")
