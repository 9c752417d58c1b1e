"""What nobody comes back for goes, and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from core.history import input_name
from core.pictures import load
from tests.conftest import Studios
from tests.fakes import FakeBackend, FakeImage, picture
from ui.server.cleaning import KEPT_S, YOUNG_S, clean

pytestmark = pytest.mark.anyio


def made(path: Path, size: int = 10) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


def test_old_files_go_and_young_ones_stay(tmp_path: Path) -> None:
    """With the folders they leave empty; a link is removed and its target is not."""
    folder, outside = tmp_path / "temp", made(tmp_path / "precious.png")
    old = made(folder / "a" / "old.png")
    link = folder / "b" / "link.png"
    link.parent.mkdir()
    link.symlink_to(outside)
    (folder / "loop").symlink_to(tmp_path)
    now = time.time()
    assert clean(folder, now + KEPT_S - 60) == 0
    assert clean(folder, now + KEPT_S + 60) == 3
    assert not old.parent.exists()
    assert outside.exists()
    assert clean(tmp_path / "nowhere", now) == 0


def test_a_full_folder_loses_its_oldest_files_first(tmp_path: Path) -> None:
    """But never one that may be in use."""
    now = time.time()
    files = [made(tmp_path / f"{n}.png", 100) for n in range(5)]
    assert clean(tmp_path, now + YOUNG_S - 60, most=0) == 0
    for n, file in enumerate(files):
        os.utime(file, (now - n, now - n))
        file.rename(file)  # its change of status is now; the newest of both times counts
    assert clean(tmp_path, now + YOUNG_S + 60, most=250) == 3
    assert len(list(tmp_path.iterdir())) == 2


async def test_a_picture_in_a_form_that_was_never_used_goes_after_a_day(studios: Studios) -> None:
    """One that an entry or an open job began with stays, whatever its age."""
    backend = FakeBackend()
    studio = await studios.open(backend)
    pictures = [load(picture(seed)) for seed in (1, 2, 3)]
    used, waiting, unused = pictures
    done = await studio.submit("fake", FakeImage(prompt="a", seed=1, image=used), owner="ann")
    await studio.result(done.id, owner="ann")
    backend.gate.clear()
    await studio.submit("fake", FakeImage(prompt="b", seed=2, image=waiting), owner="ann")
    await studio.history.storage.write(input_name(unused), unused.data)
    await studio.history.release_unused(older_than=time.time() - KEPT_S)
    assert await studio.history.storage.exists(input_name(unused))
    await studio.history.release_unused(older_than=time.time() + 60)
    kept = [await studio.history.storage.exists(input_name(one)) for one in pictures]
    assert kept == [True, True, False]
    await studio.aclose()
