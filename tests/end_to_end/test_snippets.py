"""The code panel: every program that the page shows makes the same image, run as it stands."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from backends import Settings
from backends.fal import Fal, FalSettings
from backends.miniature import Miniature
from backends.remote.openai_images import OpenAIImages
from backends.self_hosted import DIALECTS
from backends.siraya import SirayaSettings, create
from backends.wavespeed import WaveSpeed, WaveSpeedSettings
from core.backend import Backend, Scripted
from core.code import Code, source_file
from core.events import Finished
from core.params import Params
from core.parsing import parse
from core.pictures import load
from tests.end_to_end.program import ROOT, Playground, SandboxProcess
from tests.fakes import picture
from ui.generate.snippets import Calling, programs

PROMPT = "a red house, 'quoted' \"twice\" {braces} $HOME 雪"
TOKEN = "0123456789abcdef" * 2
NODE = Path(os.environ.get("NODE_PATH", "")) / "@gradio" / "client"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    sandbox = SandboxProcess(tmp_path_factory.mktemp("service"), latency=0.05)
    yield sandbox
    sandbox.kill()


def asked(backend: Backend, task: Any, **more: Any) -> Params:
    values: dict[str, Any] = {"prompt": PROMPT, "seed": 7, "width": 320, "height": 256}
    if task == "image-to-image":
        values["image"] = load(picture(3, 320, 256))
    kind = backend.tasks[task]
    known = kind.model_fields
    return parse(kind, {name: value for name, value in (values | more).items() if name in known})


def run(command: list[str], folder: Path, params: Params, **environment: str) -> str:
    """Run a program in a folder that holds its source image, and return what it says."""
    if params.picture:
        (folder / source_file(params)).write_bytes(params.picture.data)
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def pixels(data: bytes) -> str:
    """Digest what is seen of an image, whatever else its file holds."""
    with Image.open(BytesIO(data)) as image:
        return hashlib.sha256(image.convert("RGB").tobytes()).hexdigest()


def made_by(backend: Backend, params: Params) -> str:
    """Digest the image that the playground itself makes of params."""

    async def make() -> bytes:
        async for event in backend.generate(params):
            if isinstance(event, Finished):
                await backend.aclose()
                return event.image
        raise AssertionError("no image")

    return pixels(asyncio.run(make()))


def shown(backend: Any, params: Params, title: str) -> str:
    calling = Calling("http://127.0.0.1:1")
    [found] = [one for one in programs(params.task, backend, params, calling) if one.title == title]
    assert "sk-" not in found.text
    return found.text


TASKS = ["text-to-image", "image-to-image"]


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_wavespeeds_own_client(service: SandboxProcess, tmp_path: Path, task: Any) -> None:
    """Its package, its upload, the same body."""
    pytest.importorskip("wavespeed", reason="needs wavespeed (requirements-dev.txt)")
    settings = WaveSpeedSettings(
        _env_file=None,  # type: ignore[call-arg]
        wavespeed_api_key="sk-test",  # type: ignore[arg-type]
        wavespeed_base_url=service.address,
    )
    backend = WaveSpeed(settings)
    params = asked(backend, task, output_format="png", steps=9)
    program = shown(backend, params, "WaveSpeed SDK")
    url = run([sys.executable, "-c", program], tmp_path, params, WAVESPEED_API_KEY="sk-test")
    assert pixels(httpx.get(url.splitlines()[-1]).content) == made_by(backend, params)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_fals_own_client(service: SandboxProcess, tmp_path: Path, task: Any) -> None:
    """It speaks TLS to fal alone, so the one line that names its host is changed for the test."""
    pytest.importorskip("fal_client", reason="needs fal-client (requirements-dev.txt)")
    settings = FalSettings(
        _env_file=None,  # type: ignore[call-arg]
        fal_key="sk-test",  # type: ignore[arg-type]
        fal_base_url=service.address,
    )
    backend = Fal(settings)
    params = asked(backend, task, output_format="png", acceleration="none", steps=12)
    aim = f"import fal_client.client\nfal_client.client.QUEUE_URL_FORMAT = '{service.address}/'\n"
    program = aim + shown(backend, params, "fal-client")
    url = run([sys.executable, "-c", program], tmp_path, params, FAL_KEY="sk-test")
    assert pixels(httpx.get(url.splitlines()[-1]).content) == made_by(backend, params)


@pytest.mark.slow
def test_openais_client_on_siraya(service: SandboxProcess, tmp_path: Path) -> None:
    """What the client does not know by name goes along in its extra body."""
    pytest.importorskip("openai", reason="needs openai (requirements-dev.txt)")
    settings = SirayaSettings(
        _env_file=None,  # type: ignore[call-arg]
        siraya_api_key="sk-test",  # type: ignore[arg-type]
        siraya_base_url=f"{service.address}/v1",
    )
    backend: OpenAIImages = create(settings)
    params = asked(backend, "text-to-image", steps=9)
    program = shown(backend, params, "OpenAI SDK")
    run([sys.executable, "-c", program], tmp_path, params, SIRAYA_API_KEY="sk-test")
    assert pixels((tmp_path / "image").read_bytes()) == made_by(backend, params)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_the_miniature_by_itself(tmp_path: Path, task: Any) -> None:
    """Its weights and NumPy, without the page."""
    backend = Miniature()
    params = asked(backend, task, steps=4)
    program = shown(backend, params, "Miniature")
    run([sys.executable, "-c", program], tmp_path, params)
    assert pixels((tmp_path / "image.png").read_bytes()) == made_by(backend, params)


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    program = Playground(tmp_path_factory.mktemp("snippets"))
    yield program
    program.kill()


def commands(code: Code, folder: Path) -> list[str]:
    """Return how a program of the playground is run, or skip where what runs it is missing."""
    if code.title == "Python":
        return [sys.executable, "-c", code.text]
    if code.title == "JavaScript":
        if not shutil.which("node") or not NODE.exists():
            pytest.skip("needs node, and NODE_PATH with @gradio/client")
        (folder / "node_modules").symlink_to(os.environ["NODE_PATH"])
        (folder / "program.mjs").write_text(code.text)
        return ["node", "program.mjs"]
    if not shutil.which("curl"):
        pytest.skip("there is no curl")
    return ["bash", "-c", code.text]


@pytest.mark.slow
@pytest.mark.parametrize("title", ["Python", "curl", "JavaScript", "MCP"])
@pytest.mark.parametrize(
    ("task", "name", "more"),
    [
        ("text-to-image", "wavespeed", {"output_format": "png", "steps": 9}),
        ("image-to-image", "wavespeed", {"output_format": "png", "strength": 0.5}),
        ("text-to-image", "fal", {"output_format": "png", "acceleration": "high"}),
    ],
    ids=["words", "source", "own fields"],
)
def test_a_call_of_the_playground(
    playground: Playground, tmp_path: Path, task: Any, name: str, more: Any, title: str
) -> None:
    """Whatever the language: the image is in the history of whose token it is, pixel for pixel."""
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    backend = {"wavespeed": WaveSpeed, "fal": Fal}[name](settings)
    params = asked(backend, task, **more)
    token = hashlib.sha256(f"{title}{task}{name}".encode()).hexdigest()[:32]
    found = programs(task, backend, params, Calling(playground.address, token))
    [code] = [one for one in found if one.title == title]
    run(commands(code, tmp_path), tmp_path, params)
    client = playground.client(headers={"X-SRPO-Token": token})
    end = time.monotonic() + 30
    while not (entries := client.predict(limit=5, api_name="/history")):
        assert time.monotonic() < end, "there is no image"
    [entry] = entries
    assert (entry["prompt"], entry["seed"]) == (PROMPT, 7)
    image = httpx.get(playground.address + entry["file"]).content
    assert pixels(image) == made_by(backend, params)


def test_every_backend_shows_its_own_call() -> None:
    """One that does not is left out of the panel, so it has to be meant."""
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    from backends import create as create_all

    named = [*create_all(settings).values(), *DIALECTS.values()]
    for backend in named[: -len(DIALECTS)]:
        assert isinstance(backend, Scripted), backend.id
