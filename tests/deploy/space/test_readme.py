"""README's commands for a Space and for a network, run as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.space.build import FILES, ROOMS
from deploy.space.replay import Environment
from tests.deploy.space.hub import TOKEN, Hub
from tests.end_to_end.program import free_port
from tests.identity import serving

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PATIENT = "--page-within 150 --image-within 50"


def section(title: str) -> str:
    """Return a section of the README."""
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def commands(title: str) -> list[str]:
    """Return the lines of its blocks that are for bash."""
    return "".join(re.findall(r"```bash\n(.*?)```", section(title), re.DOTALL)).splitlines()


@pytest.fixture(scope="module")
def checkout(open_folder: Path) -> Path:
    """A copy of what the commands need, with a .venv in it: they write beside it."""
    copy = open_folder / "checkout"
    for room in (*ROOMS, "deploy"):
        shutil.copytree(ROOT / room, copy / room)
    names = ("README.md", "requirements.txt", "requirements-local.txt", ".gitattributes")
    for name in (*FILES, *names):
        if (ROOT / name).is_file():
            shutil.copyfile(ROOT / name, copy / name)
    (copy / ".venv").symlink_to(sys.prefix)
    return copy


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving(Hub()) as served:
        yield served


def test_the_commands_for_a_space_work_as_they_stand(
    checkout: Path, environment: Environment, hub: Hub
) -> None:
    """Built, shown, sent, and checked as the hub would run it.

    A visitor is not kept waiting there for more than 15 s; here other tests have the processor too.
    """
    own = {"HF_ENDPOINT": hub.address, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
    own |= {"HF_HOME": str(checkout.parent / "hf")}
    lines = commands("Put it on a Space")
    assert len(lines) == 5
    for line in lines:
        # It was installed a minute ago by the same line, and is not installed again.
        kept = f" --environment {environment.folder} {PATIENT}" if " check " in line else ""
        done = subprocess.run(
            ["bash", "-c", line.replace("you/playground", "ann/play") + kept],
            cwd=checkout,
            env=os.environ | own,
            capture_output=True,
            text=True,
        )
        sys.stdout.write(f"$ {line}\n{done.stdout}")
        assert done.returncode == 0, done.stdout + done.stderr
        if "--dry-run" in line:
            assert not hub.order
    assert "space.json" in hub.files
    assert "The first page came after" in done.stdout
    assert "WRONG" not in done.stdout


def test_the_command_for_a_network_asks_for_the_password(checkout: Path) -> None:
    """Nobody gets in without it."""
    (line,) = commands("Deploy")
    port = free_port()
    own = {"GRADIO_SERVER_PORT": str(port), "SRPO_DATA_DIR": str(checkout.parent / "network")}
    started = subprocess.Popen(
        ["bash", "-c", f"exec env {line}"],
        cwd=checkout,
        env=os.environ | own,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 150
        while True:
            try:
                assert httpx.get(f"{address}/healthz").status_code == 200
                break
            except httpx.TransportError:
                assert time.monotonic() < end, "it did not start"
                time.sleep(0.2)
        assert httpx.get(f"{address}/config").status_code == 401
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(30)


def test_what_readme_says_of_docker_and_systemd_stands_in_their_files() -> None:
    """Two places that say the same would part."""
    said = section("Deploy")
    for name in ("Dockerfile", "playground.service"):
        text = (ROOT / "deploy" / name).read_text(encoding="utf-8")
        head = text.split("\nFROM")[0].split("\n[Unit]")[0]
        shown = re.findall(r"^#   (.+)$", head, re.MULTILINE)
        assert len(shown) == 2
        assert all(f"\n{line}\n" in said for line in shown)
