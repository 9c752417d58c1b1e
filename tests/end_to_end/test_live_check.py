"""`app.py --check --live` as it is run: what it prints, what it leaves, how it ends."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.program import OURS, ROOT, SandboxProcess

KEY = "f3a9CANARY7c21b64e"
LOOKS_OF_FAL = 1
"""Polls before the first image: what is free of fal is asking for a request that there is not."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    sandbox = SandboxProcess(tmp_path_factory.mktemp("service"), latency=0.1)
    yield sandbox
    sandbox.kill()


def told(service: SandboxProcess, **settings: object) -> None:
    httpx.post(f"{service.address}/sandbox/reset").raise_for_status()
    httpx.post(f"{service.address}/sandbox/settings", json=settings).raise_for_status()


def begun(service: SandboxProcess, folder: Path, *more: str) -> subprocess.Popen[str]:
    """Start a check of all three services with a key."""
    clean = {name: v for name, v in os.environ.items() if not name.startswith((*OURS, "FAL_"))}
    keys = {"WAVESPEED_API_KEY": KEY, "SIRAYA_API_KEY": KEY, "FAL_KEY": KEY}
    keys |= {"WAVESPEED_BASE_URL": service.address, "FAL_BASE_URL": service.address}
    keys |= {"SIRAYA_BASE_URL": f"{service.address}/v1", "SIRAYA_PRICE_USD": "0.02"}
    command = [sys.executable, str(ROOT / "app.py"), "--check", "--live", *more]
    return subprocess.Popen(
        [*command, "--data-dir", str(folder / "data")],
        cwd=folder,
        env=clean | keys,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell starts what runs in the background with this signal ignored.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def ended(process: subprocess.Popen[str], service: SandboxProcess) -> tuple[int, str]:
    said, _ = process.communicate(timeout=60)
    port = service.address.rpartition(":")[2]
    for forbidden in (KEY, "127.0.0.1", port, "://", "Traceback"):
        assert forbidden not in said
    return process.returncode, said


@pytest.mark.slow
def test_what_is_free_leaves_nothing_behind(service: SandboxProcess, tmp_path: Path) -> None:
    """No folder, no row, no image, no charge; nothing departs, so it ends well."""
    told(service, fault="")
    status, said = ended(begun(service, tmp_path), service)
    assert (status, "WRONG" in said) == (0, False)
    assert not list(tmp_path.iterdir())
    assert service.stats()["posts"] == 0
    assert "well  WaveSpeed, balance: 1 answer in" in said


@pytest.mark.slow
def test_what_is_spent_is_said_and_kept(service: SandboxProcess, tmp_path: Path) -> None:
    """Both kinds of image of each service that has both; the ledger has what was charged."""
    told(service, fault="")
    status, said = ended(begun(service, tmp_path, "--spend", "0.20"), service)
    assert (status, "WRONG" in said) == (0, False)
    stats = service.stats()
    assert (stats["charges"], stats["undocumented"]) == (5, [])
    assert "note  $0.12 of $0.20 was spent." in said
    with sqlite3.connect(tmp_path / "data" / "playground.db") as database:
        rows = database.execute("SELECT owner, charged, price_micros FROM jobs").fetchall()
        assert database.execute("SELECT count(*) FROM entries").fetchone() == (0,)
    database.close()
    assert sorted(rows) == sorted([("check", "yes", 25_000)] * 4 + [("check", "yes", 20_000)])
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".jpg", ".png", ".webp")]


@pytest.mark.slow
def test_a_departure_ends_it_with_1(service: SandboxProcess, tmp_path: Path) -> None:
    """Each is a line of its own."""
    told(service, fault="account_more_fields+result_renamed_field+download_wrong_type")
    status, said = ended(begun(service, tmp_path, "--spend", "0.03"), service)
    assert status == 1
    found = re.findall("^WRONG (.*)$", said, re.MULTILINE)
    assert "WaveSpeed, balance: `data.region` is not known: a text of 4 characters." in found
    assert "WaveSpeed, text to image, status: `data.timings` is missing." in found
    mislabelled = "download: The file is called image/png and is image/jpeg."
    assert f"WaveSpeed, text to image, {mislabelled}" in found


@pytest.mark.slow
def test_it_can_be_stopped_from_the_keyboard(service: SandboxProcess, tmp_path: Path) -> None:
    """It says what was spent, and the ledger knows it."""
    told(service, fault="run_stuck")
    running = begun(service, tmp_path, "--spend", "0.10")
    deadline = time.monotonic() + 60
    while service.stats()["polls"] <= LOOKS_OF_FAL and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    status, said = ended(running, service)
    assert status == 130
    assert said.endswith("note  $0.025 of $0.10 was spent.\n")
    with sqlite3.connect(tmp_path / "data" / "playground.db") as database:
        rows = database.execute("SELECT state, charged FROM jobs").fetchall()
    database.close()
    assert rows == [("failed", "yes")]
