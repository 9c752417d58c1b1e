"""A data folder that cannot be used: one sentence, nothing overwritten, old images are seen."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from gradio_client.exceptions import AppError

from tests.end_to_end.program import ROOT, Playground

SLOW = pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="starts the program twice; .ci/run sets EVERY_TEST"
)


def made(folder: Path) -> list[str]:
    """Make two images in a folder, stop the program, and return their ids."""
    first = Playground(folder)
    client = first.client()
    for seed in (1, 2):
        client.predict(prompt="hills", width=256, height=256, seed=seed, api_name="/text_to_image")
    ids = [entry["id"] for entry in client.predict(api_name="/history")]
    first.kill(15)
    return ids


def check(folder: Path) -> tuple[int, str]:
    """Run `app.py --check` on a folder."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "app.py"), "--check", "--data-dir", str(folder / "data")],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return done.returncode, done.stdout + done.stderr


@SLOW
def test_a_damaged_database_is_left_alone_and_the_pictures_are_shown(tmp_path: Path) -> None:
    """The files tell how they were made; new work is refused with the reason; --check names it."""
    made(tmp_path)
    status, said = check(tmp_path)
    assert (status, "2 finished" in said, "0 without their files" in said) == (0, True, True)
    file = tmp_path / "data" / "playground.db"
    for log in file.parent.glob("playground.db-*"):
        log.unlink()
    file.write_bytes(b"this is no database at all. " * 1000)
    before = file.read_bytes()
    status, said = check(tmp_path)
    assert (status, "damaged" in said) == (1, True)
    program = Playground(tmp_path)
    client = program.client()
    entries = client.predict(api_name="/history")
    assert sorted(entry["seed"] for entry in entries) == [1, 2]
    assert httpx.get(program.address + entries[0]["file"]).is_success
    assert httpx.get(program.address + entries[0]["thumbnail"]).is_success
    with pytest.raises(AppError, match="damaged"):
        client.predict(prompt="hills", api_name="/text_to_image")
    assert "damaged" in httpx.get(program.address).text
    program.kill()
    assert file.read_bytes() == before


@SLOW
def test_a_missing_file_is_found_by_the_check(tmp_path: Path) -> None:
    """A row whose image was removed by hand is counted and the exit status says so."""
    made(tmp_path)
    next((tmp_path / "data" / "images").glob("*/*")).unlink()
    status, said = check(tmp_path)
    assert (status, "1 without their files" in said) == (1, True)


@SLOW
@pytest.mark.skipif(os.geteuid() != 0, reason="needs to mount a folder read-only")
def test_a_read_only_folder_still_shows_its_pictures(tmp_path: Path) -> None:
    """Owners, stars and all are copied into memory; nothing is written anywhere."""
    ids = made(tmp_path)
    data = str(tmp_path / "data")
    bound = subprocess.run(["mount", "--bind", data, data], check=False, capture_output=True)
    if bound.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", data], check=True)
        program = Playground(tmp_path)
        client = program.client()
        assert [entry["id"] for entry in client.predict(api_name="/history")] == ids
        with pytest.raises(AppError, match="cannot be written"):
            client.predict(prompt="hills", api_name="/text_to_image")
        program.kill()
        status, said = check(tmp_path)
        assert (status, "cannot be written" in said) == (1, True)
    finally:
        subprocess.run(["umount", "--lazy", data], check=True)


@SLOW
def test_a_lost_database_is_made_again_by_one_command(tmp_path: Path) -> None:
    """The same images with the same ids and stars; a damaged file is moved aside, not removed."""
    first = Playground(tmp_path)
    client = first.client()
    for seed in (1, 2):
        client.predict(prompt="hills", width=256, height=256, seed=seed, api_name="/text_to_image")
    before = client.predict(api_name="/history")
    client.predict(id=before[0]["id"], api_name="/star")
    client.predict(ids=[before[0]["id"]], collection="sea", api_name="/collect")
    records = tmp_path / "data" / "records" / "images"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        told = [path.read_text() for path in records.rglob("*.json")] if records.exists() else []
        if len(told) == 2 and sum('"starred":true' in one for one in told) == 1:
            break
        time.sleep(0.2)
    assert time.monotonic() < deadline
    first.kill(9)
    file = tmp_path / "data" / "playground.db"
    for log in file.parent.glob("playground.db-*"):
        log.unlink()
    file.write_bytes(b"this is no database at all. " * 1000)
    done = subprocess.run(
        [sys.executable, str(ROOT / "app.py"), "--rebuild", "--data-dir", str(tmp_path / "data")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 2 images looked at, 2 added" in done.stdout
    assert file.with_name("playground.db.damaged-1").exists()
    client = Playground(tmp_path).client()
    after = client.predict(api_name="/history")
    names = ("id", "prompt", "seed", "created_at", "params", "sent", "price_usd")
    assert [[one[name] for name in names] for one in after] == [
        [one[name] for name in names] for one in before
    ]
    starred = client.predict(starred=True, api_name="/history")
    assert [one["id"] for one in starred] == [before[0]["id"]]
