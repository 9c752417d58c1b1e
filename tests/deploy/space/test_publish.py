"""Sending a Space: what is shown first, what arrives, and what is never sent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import InputError
from deploy.space import publish
from deploy.space.build import build
from deploy.space.kinds import Name, Plan
from deploy.space.replay import Space
from tests.deploy.space.hub import TOKEN, Hub
from tests.identity import serving

ROOT = Path(__file__).parents[3]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving(Hub()) as served:
        yield served


def built(folder: Path, kind: Name = "zero", *, accepted: bool = False) -> Path:
    build(Plan.of(kind, accepted=accepted), folder)
    return folder


def sent(hub: Hub, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does whose hub is the stand-in."""
    command = [sys.executable, "-m", "deploy.space", "publish", str(folder), "--repo", "ann/play"]
    # Xet is a store with a protocol of its own, which the hub's library speaks, not we.
    own = {"HF_ENDPOINT": hub.address, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
    own |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HOME": str(folder.parent / "hf")}
    environment = os.environ | own | {"FAL_KEY": "key-of-mine-0123456789"}
    return subprocess.run(
        [*command, *options], cwd=ROOT, env=environment, capture_output=True, text=True
    )


def test_a_dry_run_shows_all_and_asks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every file with its size, the variables, the hardware and what it costs."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody is there
    folder = built(tmp_path / "space", accepted=True)
    assert publish.publish(Space.of(folder), "ann/play", bucket="ann/kept", dry_run=True) == 0
    said = capsys.readouterr().out
    for path in folder.rglob("*"):
        assert not path.is_file() or f"  {path.relative_to(folder)}" in said
    assert "assets/miniature/weights.npz  (through LFS or Xet)" in said
    assert "Hardware: zero-a10g. It costs nothing; visitors use" in said
    assert "Variable: SRPO_ACCEPT_LICENSE=1" in said
    assert "Variable: SRPO_DATA_DIR=/data" in said
    assert "This was a dry run: nothing was sent." in said
    assert "FAL_KEY: SRPO on fal" in said


def test_what_cannot_be_sent_is_said_before_anything_is(tmp_path: Path) -> None:
    """A folder that was not built, a name that is none, a file that a push would refuse."""
    folder = built(tmp_path / "space", "cpu")
    with pytest.raises(InputError, match="“play” is no name on the hub"):
        publish.publish(Space.of(folder), "play", dry_run=True)
    (folder / "core" / "more.bin").write_bytes(b"\0")
    with pytest.raises(InputError, match=r"core/more\.bin is binary"):
        publish.publish(Space.of(folder), "ann/play", dry_run=True)
    (folder / "core" / "more.bin").unlink()
    (folder / "space.json").unlink()
    with pytest.raises(InputError, match="was not built by"):
        publish.publish(Space.of(folder), "ann/play", dry_run=True)


@pytest.mark.slow
def test_the_space_on_the_hub_is_the_folder(tmp_path: Path, hub: Hub) -> None:
    """Its hardware, its variables before its files, the weights through LFS, what is old gone."""
    folder = built(tmp_path / "space", accepted=True)
    hub.files = {"space.json": b"{}", "ui/gone.py": b"", ".gitattributes": b""}
    done = sent(hub, folder, "--bucket", "ann/kept")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (hub.space["sdk"], hub.space["hardware"]) == ("gradio", "zero-a10g")
    told = {"LOCAL_MODEL", "LOCAL_QUANT", "LOCAL_SPEED", "SRPO_ACCEPT_LICENSE", "SRPO_DATA_DIR"}
    assert set(hub.variables) == told
    assert [one["mountPath"] for one in hub.volumes] == ["/data"]
    there = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    assert set(hub.files) == set(there)
    assert all(hub.files[name] == path.read_bytes() for name, path in there.items())
    assert hub.through_lfs == {"assets/miniature/weights.npz"}
    variables = hub.order.index("POST /api/spaces/ann/play/variables")
    assert variables < hub.order.index("POST /api/spaces/ann/play/commit/main")
    assert "FAL_KEY: SRPO on fal" in done.stdout
    assert "key-of-mine" not in str(hub.files) + done.stdout
    assert TOKEN not in done.stdout + done.stderr


@pytest.mark.slow
def test_another_program_of_the_owner_is_left_alone(tmp_path: Path, hub: Hub) -> None:
    """A name that was mistyped costs nobody a Space."""
    hub.files = {"app.py": b"print('mine')", "README.md": b""}
    done = sent(hub, built(tmp_path / "space", "cpu"))
    assert (done.returncode, set(hub.files)) == (1, {"app.py", "README.md"})
    assert "The Space ann/play holds another program" in done.stderr
    assert not hub.variables


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "hf auth login"), (402, "A free account may have two Spaces of --kind zero.")],
)
def test_a_refusal_says_what_to_do(tmp_path: Path, hub: Hub, status: int, said: str) -> None:
    """No traceback: what the hub wants, and how to get on."""
    hub.refuses = status
    done = sent(hub, built(tmp_path / "space", "cpu"))
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_hardware_that_costs_money_is_left_to_its_owner(tmp_path: Path, hub: Hub) -> None:
    """Publishing alone begins no bill."""
    done = sent(hub, built(tmp_path / "space", "gpu"))
    assert done.returncode == 0, done.stderr
    assert "hardware" not in hub.space
    assert "Choose the hardware l40sx1" in done.stdout
