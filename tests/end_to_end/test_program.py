"""Without a key, the sandbox chosen: the named API, images, and a restart that loses none."""

from __future__ import annotations

import io
import os
import signal
import time
from pathlib import Path

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
        "max_price_usd": None,
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
        "max_price_usd": None,
    },
    "/submit": {"task": ..., "backend": ..., "params": ..., "image": None, "max_price_usd": None},
    "/job": {"id": ...},
    "/jobs": {"state": ""},
    "/cancel": {"id": ...},
    "/history": {
        **{"limit": 50, "before": "", "query": "", "starred": False},
        **dict.fromkeys("after backend model task since until collection colour like".split(), ""),
        "flagged": None,
    },
    "/export": {
        **{"ids": ..., "profile": "share", "format": ""},
        **{"quality": 90, "longest": 0, "names": ""},
    },
    "/backends": {},
    "/submit_set": {
        "task": ...,
        "base": ...,
        "axes": ...,
        "targets": ...,
        "image": None,
        "title": "",
        "dry_run": False,
    },
    "/set": {"id": ...},
    "/sets": {"limit": 50, "before": ""},
    "/star": {"id": ..., "starred": True},
    "/delete": {"ids": ...},
    "/restore": {"ids": ...},
    "/collect": {"ids": ..., "collection": ...},
}
SET = set(
    "id title state price_usd count axes targets cells notes base columns rows pages task "
    "created_at task".split()
)
JOB = set(
    "id state backend task request_id seed price_usd charged error advice entry_id created_at "
    "updated_at".split()
)
INFO = set(
    "id created_at task backend model sandbox prompt params sent seed width height format "
    "elapsed_s price_usd request_id flagged file thumbnail".split()
)


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


@pytest.mark.slow
def test_the_same_params_give_the_same_pixels(client: Client) -> None:
    """And another seed gives others."""

    def pixels(seed: int) -> bytes:
        file, _ = client.predict(
            "hills", width=256, height=256, seed=seed, api_name="/text_to_image"
        )
        with Image.open(file) as made:
            return made.tobytes()

    assert pixels(4) == pixels(4) != pixels(5)


@pytest.mark.slow
def test_image_to_image_follows_the_picture(client: Client, tmp_path: Path) -> None:
    """The output has the size of the input; the source is not in the entry, only its hash."""
    source = tmp_path / "in.png"
    source.write_bytes(picture(200, 320, 256))
    file, info = client.predict(handle_file(str(source)), "a boat", api_name="/image_to_image")
    with Image.open(file) as made:
        assert made.size == (320, 256)
    assert set(info["params"]["image"]) == {"sha256", "media_type", "width", "height", "notes"}
    assert info["sent"]["image"].startswith("<image/png, ")


@pytest.mark.slow
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
    assert list(found) == ["wavespeed", "siraya", "fal", "local", "miniature"]
    local, miniature = found.pop("local"), found.pop("miniature")
    assert not miniature["sandbox"]
    assert (miniature["problem"] == "") == miniature["ready"]
    assert not local["ready"]
    assert "LOCAL_MODEL" in local["problem"] or "requirements-local.txt" in local["problem"]
    assert all(one["ready"] and one["sandbox"] for one in found.values())
    size = found["wavespeed"]["tasks"]["text-to-image"]["properties"]["width"]
    assert (size["minimum"], size["maximum"], size["default"]) == (256, 1536, 1024)
    assert set(found["siraya"]["tasks"]) == {"text-to-image"}


@pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="starts the program twice; .ci/run sets EVERY_TEST"
)
def test_a_restart_keeps_entries_and_addresses(tmp_path: Path) -> None:
    """A clean stop is quick; the next process shows the same entries under the same addresses."""
    first = Playground(tmp_path)
    first.client().predict("hills", width=384, height=256, api_name="/text_to_image")
    before = first.client().predict(api_name="/history")
    asked = time.monotonic()
    first.kill(signal.SIGTERM)
    assert time.monotonic() - asked < 10
    again = Playground(tmp_path)
    try:
        assert again.client().predict(api_name="/history") == before
        served = httpx.get(again.address + before[0]["file"])
        with Image.open(io.BytesIO(served.content)) as kept:
            assert kept.size == (384, 256)
    finally:
        again.kill()


@pytest.mark.slow
def test_a_set_is_tried_dry_then_made_and_listed(client: Client) -> None:
    """The dry run writes nothing; the set has a cell for every combination."""
    asked = (
        "text-to-image",
        {"prompt": "a red house", "width": 256, "height": 256, "steps": 2},
        [{"field": "seed", "values": [1, 2]}, {"field": "guidance", "values": [1.5, 4]}],
        [{"backend": "miniature", "model": ""}],
    )
    before = client.predict(api_name="/sets")
    dry = client.predict(*asked, None, "", True, api_name="/submit_set")
    assert (dry["count"], dry["price_usd"], dry["errors"]) == (4, 0, [])
    assert client.predict(api_name="/sets") == before
    made = client.predict(*asked, None, "Two by two", False, api_name="/submit_set")
    assert set(made) == SET
    assert (made["title"], made["columns"], made["rows"]) == (
        "Two by two",
        ["1", "2"],
        ["1.5", "4"],
    )
    deadline = time.monotonic() + 60
    while (found := client.predict(made["id"], api_name="/set"))["state"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert found["state"] == "finished"
    cells = {(cell["row"], cell["column"], cell["page"]) for cell in found["cells"]}
    assert cells == {(row, column, 0) for row in range(2) for column in range(2)}
    assert all(cell["entry_id"] for cell in found["cells"])
    [listed] = [one for one in client.predict(api_name="/sets") if one["id"] == made["id"]]
    assert (listed["count"], listed["finished"]) == (4, 4)


def test_a_wrong_set_is_one_sentence_and_makes_nothing(client: Client) -> None:
    before = client.predict(api_name="/jobs")
    base = {"prompt": "a red house", "width": 5}
    with pytest.raises(AppError, match="Miniature: Width must be"):
        client.predict(
            "text-to-image", base, [], [{"backend": "miniature"}], api_name="/submit_set"
        )
    assert client.predict(api_name="/jobs") == before
