"""What is refused: one clear sentence, no stack trace, and nothing that is not one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from tests.end_to_end.program import Playground
from tests.fakes import picture

pytestmark = pytest.mark.slow

WISH = {"task": "text-to-image", "backend": "", "params": {"prompt": "x"}}
REPAINT = WISH | {"task": "image-to-image"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"prompt": ""}, "The prompt is empty."),
        ({"prompt": "x" * 4001}, "longer than 4,000 characters"),
        ({"prompt": "x", "backend": "nope"}, "There is no backend called “nope”."),
        (
            {"prompt": "x", "model": "nope"},
            "Model must be one of flux-1-srpo, flux-srpo, FLUX.1 [dev], base of SRPO.",
        ),
        ({"prompt": "x", "width": 100}, "Width must be a whole number from 256 to 1536."),
        ({"prompt": "x", "height": 1537}, "Height must be a whole number from 256 to 1536."),
        ({"prompt": "x", "steps": 0}, "Steps must be a whole number from 1 to 50."),
        ({"prompt": "x", "guidance": 21}, "Guidance must be from 1 to 20."),
        ({"prompt": "x", "seed": 2**31}, "Seed must be a whole number from -1 to 2147483647."),
        ({"prompt": "x", "output_format": "gif"}, "File format must be one of jpeg, png."),
        ({"prompt": "x", "backend": "siraya", "output_format": "png"}, "no setting called"),
        ({"prompt": "fault:submit_401|x"}, "WaveSpeed does not accept the key."),
        ({"prompt": "fault:submit_402|x"}, "has no credit left."),
        ({"prompt": "fault:submit_400_credit|x"}, "has no credit left."),
        ({"prompt": "fault:run_failed_1200|x"}, "safety check"),
        ({"prompt": "fault:submit_503|x"}, "fault of its own"),
        ({"prompt": "fault:submit_502_html|x"}, "fault of its own"),
        ({"prompt": "fault:submit_html|x"}, "cannot be understood"),
        ({"prompt": "fault:submit_401|x", "backend": "siraya"}, "Siraya does not accept the key."),
    ],
)
def test_bad_input_and_bad_days_are_one_clear_sentence(
    client: Client, arguments: dict[str, Any], said: str
) -> None:
    """No stack trace, no markup of a provider; and the job, where there was one, is listed."""
    with pytest.raises(AppError) as caught:
        client.predict(**arguments, api_name="/text_to_image")
    message = str(caught.value)
    assert said in message
    assert not any(trace in message for trace in ("Traceback", "<", "Error(", "httpx"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"this is text", "text file"),
        (picture(1)[:50], "cut off"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 64, "HEIC"),
        (b"GIF89a" + b"\0" * 64, "GIF"),
    ],
)
def test_a_bad_picture_is_one_clear_sentence(
    client: Client, tmp_path: Path, data: bytes, said: str
) -> None:
    """What is wrong with the file, whatever its name claims."""
    source = tmp_path / "in.png"
    source.write_bytes(data)
    with pytest.raises(AppError, match=said):
        client.predict(handle_file(str(source)), "x", api_name="/image_to_image")


@pytest.mark.parametrize(
    ("endpoint", "arguments", "said"),
    [
        ("submit", REPAINT | {"task": "video"}, "There is no task “video”."),
        ("submit", WISH | {"backend": "nope"}, "no backend called “nope”"),
        ("submit", REPAINT | {"backend": "siraya"}, "does not offer the task"),
        ("submit", WISH | {"params": {"prompt": "x", "bogus": 1}}, "called “bogus”"),
        ("submit", WISH | {"params": {}}, "Prompt is missing."),
        ("submit", WISH | {"params": "a boat"}, "Params must be an object."),
        ("submit", REPAINT, "no image to start from"),
        ("image_to_image", {"image": None, "prompt": "x"}, "no image to start from"),
        ("job", {"id": "nope"}, "There is no such job."),
        ("cancel", {"id": {"not": "an id"}}, "There is no such job."),
        ("jobs", {"state": "asleep"}, "There is no state “asleep”."),
        ("history", {"limit": "many"}, "Limit must be a whole number."),
    ],
)
def test_every_endpoint_says_what_is_wrong_with_a_request(
    playground: Playground, endpoint: str, arguments: dict[str, Any], said: str
) -> None:
    """Also over plain HTTP, where no client has looked at the types before."""
    assert said in error(playground, endpoint, arguments)


def test_an_upload_has_a_limit(playground: Playground) -> None:
    """A file over 20 MB is refused before it is stored."""
    files = {"files": ("big.png", b"0" * (21 * 1024 * 1024))}
    answer = httpx.post(playground.address + "/gradio_api/upload", files=files)
    assert answer.status_code == 413
    assert "maximum allowed size" in answer.text


def error(playground: Playground, endpoint: str, arguments: dict[str, Any]) -> str:
    """Return the error a request ends with, as the client receives it."""
    calls = f"{playground.address}/gradio_api/call"
    begun = httpx.post(f"{calls}/v2/{endpoint}", json=arguments).raise_for_status()
    answer = httpx.get(f"{calls}/{endpoint}/{begun.json()['event_id']}").text
    assert answer.startswith("event: error\n"), answer
    return str(json.loads(answer.partition("data: ")[2])["error"] or "")


@pytest.mark.slow
def test_no_address_leads_to_what_is_not_ones_own(client: Client, playground: Playground) -> None:
    """Wrong signatures, other entries and path tricks find nothing; Gradio serves no data."""
    _, info = client.predict("hills", width=256, height=256, api_name="/text_to_image")
    _, media, entry, part, signature, name = info["file"].split("/")
    wrong = "0" * len(signature)
    for path in (
        f"/{media}/{entry}/{part}/{wrong}/{name}",
        f"/{media}/{wrong[:24]}/{part}/{signature}/{name}",
        f"/{media}/{entry}/facts/{signature}/{name}",
        f"/{media}/..%2f..%2fplayground.db/{part}/{signature}/{name}",
        f"/gradio_api/file={playground.data / 'playground.db'}",
        "/gradio_api/file=data/playground.db",
        f"/gradio_api/file={playground.data}/images",
    ):
        assert httpx.get(playground.address + path).status_code in (403, 404), path
    assert (
        httpx.get(f"{playground.address}/{media}/{entry}/{part}/{signature}/x").status_code == 200
    )


def test_other_origins_get_nothing(playground: Playground) -> None:
    """A page elsewhere can neither read the configuration nor start a job."""
    foreign = {"Origin": "https://evil.example"}
    call = playground.address + "/gradio_api/call/v2/text_to_image"
    assert httpx.get(playground.address + "/config", headers=foreign).status_code == 403
    assert httpx.post(call, json={"prompt": "x"}, headers=foreign).status_code == 403
