"""The folder of a Space: what is in it, what is not, and what it asks the builder for."""

from __future__ import annotations

import ast
import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from core.errors import InputError
from deploy.space import builder, front_matter
from deploy.space.build import build
from deploy.space.check import examined, troubled
from deploy.space.kinds import HARDWARE, Name, Plan
from deploy.space.replay import Space

pytestmark = pytest.mark.slow

KINDS: tuple[Name, ...] = ("zero", "cpu", "gpu")
ROOT = Path(__file__).parents[3]
TORCH = ("torch", "diffusers", "transformers", "accelerate")


def built(folder: Path, plan: Plan) -> Space:
    build(plan, folder)
    return Space.of(folder)


def pins(space: Space) -> dict[str, str]:
    lines = (space.folder / "requirements.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines)


def wrong(space: Space) -> list[str]:
    return [sentence for well, sentence in examined(space) if not well]


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_one_that_the_hub_takes(tmp_path: Path, name: Name) -> None:
    """Known keys and hardware, the Gradio that is pinned, a Python that the hub has."""
    space = built(tmp_path / "space", Plan.of(name))
    assert wrong(space) == []
    assert space.front["suggested_hardware"] in HARDWARE
    assert space.front["sdk_version"] == pins(space)["gradio[oauth,mcp]"]
    assert space.front["title"] == front_matter.read(ROOT / "README.md")["title"]
    assert space.zero is (name == "zero")


@pytest.mark.parametrize("name", KINDS)
def test_it_holds_what_the_program_imports_and_nothing_else(tmp_path: Path, name: Name) -> None:
    """Every import of ours leads to a file; no test, bench, tool or second README's image."""
    folder = built(tmp_path / "space", Plan.of(name)).folder
    top = {"app.py", "core", "backends", "sandbox", "ui", "assets", "LICENSE", "NOTICE.md"}
    made = {"README.md", "requirements.txt", ".gitattributes", "space.json"}
    assert {path.name for path in folder.iterdir()} == top | made
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                module = folder.joinpath(*node.module.split("."))
                ours = node.module.partition(".")[0] in top | {"deploy", "tools", "tests", "bench"}
                found = module.with_suffix(".py").is_file() or (module / "__init__.py").is_file()
                assert found or not ours, f"{file} imports {node.module}"
    assert not list(folder.rglob("*.pyc"))
    assert not list(folder.rglob("prompts.webp"))


@pytest.mark.slow
def test_torch_is_there_where_there_is_a_gpu(tmp_path: Path) -> None:
    """In versions that ZeroGPU takes; pytest nowhere; packages for 4 bits where asked for."""
    for name in KINDS:
        found = pins(built(tmp_path / name, Plan.of(name)))
        assert set(TORCH) <= set(found) or name == "cpu"
        assert not set(TORCH) & set(found) or name != "cpu"
        assert "pytest" not in found
    four = built(tmp_path / "nf4", Plan.of("gpu", quant="nf4"))
    assert "bitsandbytes" in pins(four)
    assert (four.front["suggested_hardware"], four.variables["LOCAL_QUANT"]) == ("l4x1", "nf4")
    file = "ann/srpo/srpo-Q4_1.gguf"
    packed = built(tmp_path / "gguf", Plan.of("gpu", accepted=True, quant="gguf", transformer=file))
    assert "gguf" in pins(packed)
    assert packed.variables["LOCAL_TRANSFORMER"] == file
    assert packed.front["preload_from_hub"] == ["ann/srpo srpo-Q4_1.gguf"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["zero", "gpu"])
def test_no_weights_are_fetched_before_the_licence_is_accepted(tmp_path: Path, name: Name) -> None:
    """The README says what to read and which variable says yes; with it they are preloaded."""
    space = built(tmp_path / "space", Plan.of(name))
    assert "preload_from_hub" not in space.front
    assert "SRPO_ACCEPT_LICENSE" not in space.variables
    said = (space.folder / "README.md").read_text(encoding="utf-8")
    assert "Until the owner accepts them with the variable `SRPO_ACCEPT_LICENSE=1`" in said
    yes = built(tmp_path / "space", Plan.of(name, accepted=True))
    assert yes.front["preload_from_hub"] == ["Runware/flux.1-dev-SRPO"]
    assert yes.variables["SRPO_ACCEPT_LICENSE"] == "1"


def test_a_gated_model_is_left_to_the_program(tmp_path: Path) -> None:
    """The builder has no token: it could only fail."""
    plan = Plan.of("zero", accepted=True, model="black-forest-labs/FLUX.1-dev")
    assert "preload_from_hub" not in built(tmp_path / "space", plan).front


def test_what_cannot_be_built_is_said() -> None:
    """An option that would do nothing is refused, never dropped."""
    with pytest.raises(InputError, match="takes no option about a model"):
        Plan.of("cpu", accepted=True)
    with pytest.raises(InputError, match="belong together"):
        Plan.of("zero", quant="gguf")


def test_files_of_somebody_else_are_neither_lost_nor_sent(tmp_path: Path) -> None:
    """Only an empty folder is built into, or one that was built before; its git is kept."""
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        build(Plan.of("cpu"), tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    folder = tmp_path / "space"
    build(Plan.of("cpu"), folder)
    (folder / ".git").mkdir()
    (folder / "ui" / "old.py").write_text("")
    build(Plan.of("gpu"), folder)
    assert (folder / ".git").is_dir()
    assert not (folder / "ui" / "old.py").exists()
    (folder / ".env").write_text("WAVESPEED_API_KEY=secret")
    with pytest.raises(InputError, match=r"holds \.env, which was not built"):
        build(Plan.of("gpu"), folder)


def test_no_secret_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of the environment nor of the checkout's .env: secrets are named alone."""
    monkeypatch.setenv("WAVESPEED_API_KEY", "key-0123456789")
    space = built(tmp_path / "space", Plan.of("zero"))
    assert "WAVESPEED_API_KEY" in json.loads((space.folder / "space.json").read_text())["secrets"]
    texts = (path.read_bytes() for path in space.folder.rglob("*") if path.is_file())
    assert not any(b"key-0123456789" in text for text in texts)


@pytest.mark.parametrize(
    ("file", "pattern", "instead", "said"),
    [
        ("README.md", "sdk_version: .*", 'sdk_version: "6.30.0"', "sdk_version is another"),
        ("README.md", "colorTo: .*", "colorTo: orange", "none of the hub's colours"),
        ("README.md", "python_version: .*", "python_version: 3.12", "python_version in the front"),
        ("README.md", "python_version: .*", "python_version: '3.13'", "ZeroGPU has Python 3.12.12"),
        ("README.md", "header: .*", "hardware: none", "the key hardware, which the hub does not"),
        ("README.md", "app_file: .*", "app_file: main.py", "main.py, which is not there"),
        ("README.md", "short_description: .*", "short_description: " + "a" * 61, "more than 60"),
        ("requirements.txt", "torch==.*", "torch==2.14.0", "requirements.txt has 2.14.0"),
        ("requirements.txt", "httpx==.*", "-r more.txt", "the builder mounts that one file alone"),
    ],
)
def test_what_the_hub_would_stumble_over_is_said(
    tmp_path: Path, file: str, pattern: str, instead: str, said: str
) -> None:
    """In a sentence, before anything is installed."""
    folder = built(tmp_path / "space", Plan.of("zero")).folder
    text = (folder / file).read_text(encoding="utf-8")
    (folder / file).write_text(re.sub(pattern, instead, text, count=1), encoding="utf-8")
    assert said in " ".join(wrong(Space.of(folder)))


def test_the_builders_line_is_that_of_its_logs(tmp_path: Path) -> None:
    """ZeroGPU adds a cap on torch and a version of `spaces`."""
    zero = builder.pip_line(built(tmp_path / "zero", Plan.of("zero")).front)
    gradio = front_matter.read(ROOT / "README.md")["sdk_version"]
    line = "install -r requirements.txt torch<=2.13.0 gradio[oauth,mcp]=={} uvicorn>=0.14.0"
    assert " ".join(zero).startswith(line.format(gradio))
    cpu = builder.pip_line(built(tmp_path / "cpu", Plan.of("cpu")).front)
    assert cpu == [one for one in zero[:-1] if "torch" not in one] + ["spaces"]


def test_an_interpreter_of_the_front_matters_version_is_found(tmp_path: Path) -> None:
    """Else the one that runs this, and it is said."""
    mine = ".".join(map(str, sys.version_info[:2]))
    found, exact = builder.python_for({"python_version": mine})
    assert (found.is_file(), exact) == (True, True)
    assert builder.python_for({"python_version": "3.99"}) == (Path(sys.executable), False)


def test_an_error_in_the_log_is_told_from_what_python_clears_away() -> None:
    """Gradio leaves event loops behind on a Space; that is no error of anybody's."""
    cleared = "Exception ignored in: <function __del__>\nTraceback (most recent call last):\n"
    assert not troubled(f"ready\n{cleared}ValueError: -1\n")
    assert troubled(f"{cleared}ValueError: -1\nTraceback (most recent call last):\nKeyError: 1\n")


@pytest.mark.slow
def test_a_checkout_without_git_builds_the_same(tmp_path: Path) -> None:
    """Such as one that was unpacked from an archive; caches and hidden files stay behind."""
    copy = tmp_path / "copy"
    for name in ("core", "backends", "sandbox", "ui", "assets"):
        shutil.copytree(ROOT / name, copy / name)
    for name in ("README.md", "app.py", "LICENSE", "NOTICE.md"):
        shutil.copyfile(ROOT / name, copy / name)
    for name in ("requirements.txt", "requirements-local.txt"):
        shutil.copyfile(ROOT / name, copy / name)
    (copy / "core" / ".DS_Store").write_bytes(b"\0")
    (copy / "core" / "stub.pyi").write_text("")
    there = [one.path for one in build(Plan.of("cpu"), tmp_path / "one", copy)]
    assert there == [one.path for one in build(Plan.of("cpu"), tmp_path / "two")]
