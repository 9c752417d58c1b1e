"""The Space for ZeroGPU, with a stand-in for its scheduler: with the licence and without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.space.build import build
from deploy.space.check import Check
from deploy.space.kinds import EXTRA, Plan
from deploy.space.replay import Environment, Running, Space, closed_reload, give
from deploy.space.visit import Visitor
from tests.deploy.space.conftest import kept

pytest.importorskip("torch", reason="only with requirements-local.txt; .ci/run has it")
from tests import zero_scheduler


@pytest.fixture(scope="module")
def stand_in(open_folder: Path) -> Path:
    """A package `spaces`, with the module by which Gradio takes new code on a Space."""
    package = open_folder / "stand-in" / "spaces"
    package.mkdir(parents=True)
    (package / "__init__.py").write_bytes(Path(zero_scheduler.__file__).read_bytes())
    (package / "reloading.py").write_text("def start_reload_server(**_): ...\n")
    give(package.parent)
    return package.parent


@pytest.fixture(scope="module")
def installed(open_folder: Path) -> Environment:
    """The Space as the builder installs it, on the Python of this process, which has a torch."""
    folder = open_folder / "zero"
    build(Plan.of("zero"), folder)
    made = Environment(Space.of(folder), kept(open_folder, "zero"), Path(sys.executable))
    assert made.make() == ""
    return made


@pytest.fixture(scope="module")
def model(open_folder: Path) -> Path:
    """FLUX of random weights."""
    folder = open_folder / "model"
    subprocess.run([sys.executable, "-m", "tools.random_flux", str(folder)], check=True)
    give(folder)
    return folder


@pytest.fixture
def log(open_folder: Path, request: pytest.FixtureRequest) -> Path:
    """Where the stand-in writes what it was asked for."""
    file = open_folder / f"{request.node.name}.jsonl"
    file.touch()
    give(file)
    return file


def test_the_packages_for_4_bits_resolve_with_it(installed: Environment) -> None:
    """What --quant adds to the one file fits to what is pinned there."""
    pip = [str(installed.python), "-m", "pip", "install", "--dry-run"]
    done = installed.run([*pip, *installed.line[1:], *filter(None, EXTRA.values())])
    assert done.returncode == 0, done.stdout


def test_without_the_licence_it_starts_and_the_miniature_paints(
    installed: Environment, stand_in: Path, open_folder: Path, log: Path
) -> None:
    """A decorated function is there, as ZeroGPU demands, and nothing of torch is loaded."""
    told = {"SPACES_ZERO_GPU": "true", "PYTHONPATH": str(stand_in), "ZERO_LOG": str(log)}
    place, bucket = open_folder / "without", open_folder / "without-bucket"
    with closed_reload(), Running(installed, place, bucket, told) as running:
        running.first_page()
        assert Visitor(running.address).image().backend == "miniature"
    assert zero_scheduler.lines(log, "launched")
    assert not zero_scheduler.lines(log, "torch")
    assert not zero_scheduler.lines(log, "scheduled")


def test_with_it_the_image_is_painted_on_the_lent_gpu(
    installed: Environment, stand_in: Path, log: Path, model: Path
) -> None:
    """In a process that has the GPU for its time; in the program itself CUDA is never touched."""
    told = {"SRPO_ACCEPT_LICENSE": "1", "LOCAL_MODEL": str(model), "SRPO_BACKEND": "local"}
    chosen = Check(
        installed.space,
        Path(sys.executable),
        installed.folder,
        told | {"ZERO_LOG": str(log)},
        stand_in,
        page_s=150,
        image_s=150,
    )
    lines = list(chosen.lines())
    assert all(well for well, _ in lines), lines
    assert any("An image by local came" in sentence for _, sentence in lines)
    assert zero_scheduler.lines(log, "scheduled")
    assert not zero_scheduler.lines(log, "touched")
