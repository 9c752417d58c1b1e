"""Whether images outlive the sleep of a Space is told from what is attached to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.lasting import is_fleeting
from core.settings import Settings

SPACE = {"SYSTEM": "spaces"}
BOTH = {"storage_url": "s3://b/p", "database_url": "postgresql://h/d"}


def given(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("values", "mounted", "fleeting"),
    [
        ({}, "", True),
        ({"srpo_data_dir": Path("/data")}, "", True),
        ({"srpo_data_dir": Path("/data")}, "/data", False),
        ({"srpo_data_dir": Path("/data/playground")}, "/data", False),
        ({"srpo_data_dir": Path("/data")}, "/elsewhere", True),
        ({"storage_url": "s3://b/p"}, "", True),  # the history would be gone
        (BOTH, "", False),
    ],
)
def test_only_what_is_attached_outlives_a_space(
    values: dict[str, Any], mounted: str, fleeting: bool
) -> None:
    """Its own disk, which is mounted at the root, does not."""
    is_mount = lambda place: str(place) in ("/", mounted)  # noqa: E731
    assert is_fleeting(given(**values), SPACE, is_mount) is fleeting
    assert not is_fleeting(given(**values), {}, is_mount)
