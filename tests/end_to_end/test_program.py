"""A fresh machine without a key: the page answers, pictures are made, and a restart loses none."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from tests.end_to_end.program import Playground
from tests.fakes import picture

CONTRACT = {
    "/text_to_image": {
        "prompt": ...,
        "backend": "",
        "model": "",
        "width": 1024,
        "height": 1024,
        "steps": 28,
        "guidance": 0,
        "seed": -1,
        "output_format": "",
    },
    "/image_to_image": {
        "image": ...,
        "prompt": ...,
        "backend": "",
        "model": "",
        "strength": 0.8,
        "steps": 28,
        "guidance": 0,
        "seed": -1,
        "output_format": "",
    },
    "/submit": {"task": ..., "backend": ..., "params": ..., "image": None},
    "/job": {"id": ...},
    "/jobs": {"state": ""},
    "/cancel": {"id": ...},
    "/history": {"limit": 50, "before": "", "query": "", "starred": False},
    "/backends": {},
}
JOB = set(
    "id state backend task request_id seed price_usd charged error advice entry_id created_at "
    "updated_at".split()
)
INFO = set(
    "id created_at task backend model sandbox prompt params sent seed width height format "
    "elapsed_s price_usd request_id flagged file thumbnail".split()
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("playground")


@pytest.fixture(scope="module")
def playground(folder: Path) -> Iterator[Playground]:
    program = Playground(folder)
    yield program
    program.kill()


@pytest.fixture(scope="module")
def client(playground: Playground) -> Client:
    return playground.client()


def test_the_named_api_is_the_contract(client: Client) -> None:
    """Names, order and defaults of every endpoint; the page's own events are not among them."""
    found = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    shown = {
        name: {
            one["parameter_name"]: one["parameter_default"] if one["parameter_has_default"] else ...
            for one in endpoint["parameters"]
        }
        for name, endpoint in found.items()
    }
    assert shown == CONTRACT
    assert [list(arguments) for arguments in shown.values()] == [list(a) for a in CONTRACT.values()]


def test_a_picture_is_made_served_and_kept(client: Client, playground: Playground) -> None:
    """The asked size, the whole info, the same bytes by the route, an entry in the history."""
    file, info = client.predict(
        "a red house under a blue sky", width=640, height=384, seed=11, api_name="/text_to_image"
    )
    assert set(info) == INFO
    with Image.open(file) as made:
        assert made.size == (640, 384) == (info["width"], info["height"])
    served = httpx.get(playground.address + info["file"])
    assert served.content == Path(file).read_bytes()
    assert served.headers["content-type"] == "image/jpeg"
    assert httpx.get(playground.address + info["thumbnail"]).content[:4] == b"RIFF"
    assert (info["sandbox"], info["seed"], info["price_usd"]) == (True, 11, 0)
    entries = client.predict(api_name="/history")
    assert entries[0] == info


def test_the_same_params_give_the_same_pixels(client: Client) -> None:
    """And another seed gives others."""

    def pixels(seed: int) -> bytes:
        file, _ = client.predict(
            "hills", width=256, height=256, seed=seed, api_name="/text_to_image"
        )
        with Image.open(file) as made:
            return made.tobytes()

    assert pixels(4) == pixels(4) != pixels(5)


def test_image_to_image_follows_the_picture(client: Client, tmp_path: Path) -> None:
    """The output has the size of the input; the source is not in the entry, only its hash."""
    source = tmp_path / "in.png"
    source.write_bytes(picture(200, 320, 256))
    file, info = client.predict(handle_file(str(source)), "a boat", api_name="/image_to_image")
    with Image.open(file) as made:
        assert made.size == (320, 256)
    assert set(info["params"]["image"]) == {"sha256", "media_type", "width", "height", "notes"}
    assert info["sent"]["image"].startswith("<image/png, ")


def test_submit_job_jobs_cancel(client: Client) -> None:
    """A job is returned at once, can be asked for, listed and cancelled."""
    wish = {"prompt": "sea", "width": 256, "height": 256}
    job = client.predict("text-to-image", "", wish, None, api_name="/submit")
    assert set(job) == JOB
    gone = client.predict(job["id"], api_name="/cancel")
    assert (gone["state"], gone["charged"]) == ("cancelled", "no")
    listed = client.predict("cancelled", api_name="/jobs")
    assert [one["id"] for one in listed] == [job["id"]]
    assert client.predict(job["id"], api_name="/job") == gone


def test_backends_tell_what_they_take(client: Client) -> None:
    """Readiness, price and the schema of each request."""
    found = {one["id"]: one for one in client.predict(api_name="/backends")}
    assert set(found) == {"wavespeed", "siraya"}
    assert all(one["ready"] and one["sandbox"] for one in found.values())
    size = found["wavespeed"]["tasks"]["text-to-image"]["properties"]["width"]
    assert (size["minimum"], size["maximum"], size["default"]) == (256, 1536, 1024)
    assert set(found["siraya"]["tasks"]) == {"text-to-image"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"prompt": ""}, "The prompt is empty."),
        ({"prompt": "x" * 4001}, "longer than 4,000 characters"),
        ({"prompt": "x", "backend": "nope"}, "There is no backend called “nope”."),
        ({"prompt": "x", "model": "nope"}, "Model must be one of flux-1-srpo, flux-srpo."),
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


def test_no_address_leads_to_what_is_not_ones_own(client: Client, playground: Playground) -> None:
    """Wrong signatures, other entries and path tricks find nothing; Gradio serves no data."""
    info = client.predict(limit=1, api_name="/history")[0]
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


def test_a_restart_keeps_entries_and_addresses(
    client: Client, playground: Playground, folder: Path
) -> None:
    """The second process shows what the first one made, under the same addresses."""
    before = client.predict(api_name="/history")
    playground.kill()
    again = Playground(folder)
    try:
        after = again.client().predict(api_name="/history")
        assert after == before
        file = httpx.get(again.address + before[0]["file"])
        assert Image.open(io.BytesIO(file.content)).size == (
            before[0]["width"],
            before[0]["height"],
        )
        json.dumps(after)
    finally:
        again.kill()
