"""A machine with nothing set up: who names no backend gets an image of the model in the box."""

from __future__ import annotations

from pathlib import Path

import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from core import metadata
from tests.end_to_end.program import Playground


@pytest.mark.slow
def test_the_first_pictures_come_from_the_miniature_and_say_so(tmp_path: Path) -> None:
    """Both tasks, by the named API: the entry and the file name what made it, and without what."""
    program = Playground(tmp_path, SRPO_BACKEND="")
    try:
        client = program.client()
        file, info = client.predict(
            "a cat, blue sky", width=384, height=256, steps=4, api_name="/text_to_image"
        )
        check(file, info, (384, 256))
        changed = client.predict(handle_file(file), "a cat, red sky", api_name="/image_to_image")
        check(*changed, (384, 256))
        with pytest.raises(AppError, match="The prompt is empty"):
            client.predict(" ", api_name="/text_to_image")
    finally:
        program.kill()


def check(file: str, info: dict[str, object], size: tuple[int, int]) -> None:
    """The image is whole, and neither entry nor file takes it for SRPO's."""
    with Image.open(file) as made:
        made.load()
        assert made.size == size
    assert (info["backend"], info["model"], info["sandbox"]) == ("miniature", "miniature", False)
    reading = metadata.read(Path(file).read_bytes())
    assert reading
    assert (reading.record["backend"], reading.record["model"]) == ("miniature", "miniature")
    assert reading.record["ran"] == {"painted_without": ["cat"], "painted_size": [240, 144]}
