"""What nobody comes back for goes, and nothing else."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import gradio.mcp
import pytest

from core.history import input_name
from core.pictures import load
from tests.conftest import Studios
from tests.fakes import FakeBackend, FakeImage, picture
from ui.server.cleaning import KEPT_S, YOUNG_S, clean, own_folder
from ui.server.uploads import uploaded

pytestmark = pytest.mark.anyio


def made(path: Path, size: int = 10) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


A, B, C = ("a" * 64, "b" * 64, "c" * 64)


def test_old_files_go_and_young_ones_stay(tmp_path: Path) -> None:
    """With the folders they leave empty; a link is removed and its target is not."""
    folder, outside = tmp_path / "temp", made(tmp_path / "precious.png")
    old, draft = made(folder / A / "old.png"), made(folder / "tmpab12_xyz")
    link = folder / B / "link.png"
    link.parent.mkdir()
    link.symlink_to(outside)
    (folder / C).symlink_to(outside.parent)
    now = time.time()
    assert clean(folder, now + KEPT_S - 60) == 0
    assert clean(folder, now + KEPT_S + 60) == 3
    assert not old.parent.exists()
    assert not draft.exists()
    assert outside.exists()
    assert clean(tmp_path / "nowhere", now) == 0


def test_only_what_gradio_put_there_goes(tmp_path: Path) -> None:
    """GRADIO_TEMP_DIR may name a folder in which something else lies too."""
    others = [made(tmp_path / name) for name in ("a.txt", f"{A}.txt", "docs/b.txt", "tmp/c")]
    made(tmp_path / A / "upload.png")
    assert clean(tmp_path, time.time() + 9 * KEPT_S, most=0) == 1
    assert all(other.exists() for other in others)


def test_a_full_folder_loses_its_oldest_files_first(tmp_path: Path) -> None:
    """But never one that may be in use."""
    now = time.time()
    files = [made(tmp_path / A / f"{n}.png", 100) for n in range(5)]
    assert clean(tmp_path, now + YOUNG_S - 60, most=0) == 0
    for n, file in enumerate(files):
        os.utime(file, (now - n, now - n))
        file.rename(file)  # its change of status is now; the newest of both times counts
    assert clean(tmp_path, now + YOUNG_S + 60, most=250) == 3
    assert len(list((tmp_path / A).iterdir())) == 2


def test_what_is_used_again_is_young_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that stays in a form for days is there for its next job."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    file = made(tmp_path / A / "boat.png")
    os.utime(file, (0, 0))
    assert uploaded(str(file)) == file
    assert file.stat().st_mtime > time.time() - 60


def test_gradio_keeps_files_in_a_folder_that_is_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link that another user has put in its place is not followed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    monkeypatch.setattr(gradio.mcp, "DEFAULT_TEMP_DIR", "")
    own_folder()
    usual = Path(os.environ["GRADIO_TEMP_DIR"])
    assert usual.parent == tmp_path
    assert str(usual) == gradio.mcp.DEFAULT_TEMP_DIR
    usual.rmdir()
    usual.symlink_to(tmp_path)
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    own_folder()
    other = Path(os.environ["GRADIO_TEMP_DIR"])
    assert other != usual
    assert other.is_dir()
    assert not other.is_symlink()


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
    (waits,) = await studio.jobs("ann", states=["running"])
    await studio.cancel(waits.id, owner="ann")
    await studio.history.release_unused(older_than=time.time() + 60)
    kept = [await studio.history.storage.exists(input_name(one)) for one in pictures]
    assert kept == [True, False, False]
    await studio.aclose()
