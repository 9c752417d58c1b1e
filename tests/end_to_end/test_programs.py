"""Programs are welcome: assistants over MCP, and the snippets of the Backends tab as they stand."""

from __future__ import annotations

import asyncio
import base64
import io
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gradio_client.exceptions import AppError
from PIL import Image

from tests.end_to_end import assistant
from tests.end_to_end.program import Playground
from tests.fakes import picture
from ui import backends_tab

pytestmark = pytest.mark.slow

TOKEN = "0123456789abcdef" * 2
ENDPOINTS = (
    "text_to_image image_to_image submit job jobs cancel history star delete restore collect "
    "export backends submit_set set sets"
).split()


def shown(content: list[Any]) -> Image.Image:
    """Decode the image of an MCP answer."""
    assert content[0].type == "image"
    return Image.open(io.BytesIO(base64.b64decode(content[0].data)))


def test_an_assistant_finds_the_tools_and_gets_a_picture(playground: Playground) -> None:
    """The tools are the endpoints; descriptions and defaults come with them."""
    wish = {"prompt": "a boat", "width": 320, "height": 256}
    tools, content = asyncio.run(assistant.call(playground.address, "text_to_image", wish))
    assert set(tools) == set(ENDPOINTS)
    assert "text prompt" in (tools["text_to_image"].description or "")
    properties = tools["text_to_image"].inputSchema["properties"]
    assert "denoising steps" in properties["steps"]["description"]
    assert properties["width"]["default"] == 1024
    assert shown(content).size == (320, 256)
    assert "'sandbox': True" in content[-1].text


def test_an_assistant_that_does_not_listen_to_progress_gets_the_image(
    playground: Playground,
) -> None:
    """Many do not; they got the address of a file as text."""
    wish = {"prompt": "a boat", "width": 256, "height": 320}
    call = assistant.call(playground.address, "text_to_image", wish, listens=False)
    _, content = asyncio.run(call)
    assert shown(content).size == (256, 320)
    assert "'sandbox': True" in content[-1].text
    _, content = asyncio.run(assistant.call(playground.address, "backends", {}, listens=False))
    assert len(content) == 1


@pytest.mark.slow
def test_an_assistant_changes_a_picture(playground: Playground) -> None:
    """It hands the image over as base64, since it shares no disk with us."""
    given = "data:image/png;base64," + base64.b64encode(picture(3, 256, 320)).decode()
    wish = {"image": given, "prompt": "a boat"}
    _, content = asyncio.run(assistant.call(playground.address, "image_to_image", wish))
    assert shown(content).size == (256, 320)


def test_an_assistant_is_told_what_is_wrong(playground: Playground) -> None:
    """The same sentence as everybody else gets."""
    _, content = asyncio.run(assistant.call(playground.address, "text_to_image", {"prompt": ""}))
    assert "The prompt is empty. Write a few words first." in content[0].text
    assert "Traceback" not in content[0].text


@pytest.mark.slow
def test_the_python_snippet_works_as_it_stands(playground: Playground, tmp_path: Path) -> None:
    """Copied, run, done."""
    program = backends_tab.texts(playground.address)["Python: gradio_client"]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    path, _, seed = done.stdout.strip().splitlines()[-1].rpartition(" ")
    assert seed.isdecimal()
    with Image.open(path) as made:
        assert made.size == (1024, 1024)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
def test_the_shell_snippet_works_as_it_stands(playground: Playground) -> None:
    """Two calls in one line: start, then listen to the end."""
    command = backends_tab.texts(playground.address, TOKEN)["Shell: curl"]
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert "event: complete" in done.stdout
    assert "A white boat on a teal sea at sunset" in done.stdout
    client = playground.client(headers={"X-SRPO-Token": TOKEN})
    (entry,) = client.predict(api_name="/history")
    assert entry["prompt"] == "A white boat on a teal sea at sunset"


@pytest.mark.slow
def test_a_stranger_keeps_a_job_by_its_id_alone(playground: Playground) -> None:
    """Whoever sends no token has no list; the id that was returned opens that one job."""
    stranger, other = (playground.client(headers={"Via": "1.1 proxy"}) for _ in range(2))
    wish = {"task": "text-to-image", "backend": "", "params": {"prompt": "a boat", "width": 256}}
    job = stranger.predict(*wish.values(), None, api_name="/submit")
    for endpoint in ("/jobs", "/history"):
        with pytest.raises(AppError, match="X-SRPO-Token"):
            stranger.predict(api_name=endpoint)
    assert stranger.predict(job["id"], api_name="/job")["id"] == job["id"]
    assert other.predict(job["id"], api_name="/cancel")["id"] == job["id"]
    known = playground.client(headers={"X-SRPO-Token": TOKEN})
    for client, theirs in ((known, job["id"]), (stranger, known_job(known))):
        with pytest.raises(AppError, match="no such job"):
            client.predict(theirs, api_name="/job")


def known_job(client: Any) -> str:
    """Return the id of a job that belongs to a token."""
    client.predict(prompt="a boat", width=256, height=256, api_name="/text_to_image")
    return str(client.predict(api_name="/jobs")[0]["id"])


@pytest.mark.slow
def test_a_token_that_is_none_is_refused(playground: Playground) -> None:
    """A script with a mistyped token is not taken for somebody else."""
    client = playground.client(headers={"X-SRPO-Token": "mistyped"})
    for endpoint, values in (("/history", []), ("/text_to_image", ["a boat"])):
        with pytest.raises(AppError, match="holds no token of this playground"):
            client.predict(*values, api_name=endpoint)
