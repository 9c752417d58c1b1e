"""A program takes images along: as a zip by profile, or one sentence that says why not."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from core import metadata, pictures

pytestmark = pytest.mark.slow


def test_a_script_exports_what_it_made(client: Client, tmp_path: Path) -> None:
    """One file, with what it chose, in the encoding it chose, telling no more than it may."""
    _, info = client.predict("a boat at dusk", width=256, height=256, api_name="/text_to_image")
    found = client.predict([info["id"]], "share", "webp", longest=128, api_name="/export")
    with zipfile.ZipFile(found) as archive:
        [name] = [one for one in archive.namelist() if one.endswith(".webp")]
        file = archive.read(name)
        assert {*archive.namelist()} == {name, "manifest.csv", "manifest.json"}
    reading = metadata.read(file)
    assert reading is not None and reading.params["prompt"] == "a boat at dusk"
    assert pictures.inspect(file) == ("webp", 128, 128)
    assert info["request_id"].encode() not in file
    for wrong, said in (
        ((["never"],), "not in the history"),
        (([],), "No image is chosen"),
        (([info["id"]], "private"), "There is no profile"),
        (([info["id"]], "full", "gif"), "There is no format"),
        (([info["id"]], "full", "", 500), "The quality must be"),
    ):
        with pytest.raises(AppError, match=said):
            client.predict(*wrong, api_name="/export")
    with pytest.raises(AppError, match="must not name a folder"):
        client.predict([info["id"]], names="../{seed}", api_name="/export")
