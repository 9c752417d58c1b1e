"""What the tests of a Space share: one environment, installed as the hub's builder installs it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.space.build import build
from deploy.space.kinds import Plan
from deploy.space.replay import Environment, Space


@pytest.fixture(scope="package")
def open_folder() -> Iterator[Path]:
    """A folder that a user without root can enter, which those of pytest are not."""
    if "EVERY_TEST" not in os.environ:
        pytest.skip("installs what the hub installs; .ci/run sets EVERY_TEST")
    folder = Path(tempfile.mkdtemp(prefix="space-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="package")
def environment(open_folder: Path) -> Environment:
    """The Space on a CPU, installed."""
    build(Plan.of("cpu"), open_folder / "cpu")
    made = Environment(Space.of(open_folder / "cpu"), kept(open_folder, "cpu"))
    assert made.make() == ""
    return made


def kept(folder: Path, kind: str) -> Path:
    """Return where an environment is; SPACE_ENVIRONMENTS names a folder that keeps them."""
    return Path(os.environ.get("SPACE_ENVIRONMENTS") or folder / "environments") / kind
