"""The first minutes of a new user, as `.ci/run` plays them against README's first command.

No key, no GPU: the model in the box generates, and says so.

python -m tests.end_to_end.smoke ADDRESS made    makes an image and finds it in the history
python -m tests.end_to_end.smoke ADDRESS kept    after a restart: it is still there
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import httpx
from gradio_client import Client
from PIL import Image

PROMPT = "a lighthouse above a teal sea at sunset"
SIZE = (640, 384)


def main() -> None:
    address, moment = sys.argv[1:]
    client = Client(address, verbose=False)
    made = make(client) if moment == "made" else None
    (entry,) = client.predict(api_name="/history")
    assert made in (None, entry)
    assert (entry["prompt"], entry["width"], entry["height"]) == (PROMPT, *SIZE)
    assert (entry["backend"], entry["model"], entry["sandbox"]) == ("miniature", "miniature", False)
    assert entry["sent"]["painted_without"] == ["lighthouse"]
    served = httpx.get(address + entry["file"]).raise_for_status()
    assert served.headers["content-type"] == "image/png"


def make(client: Client) -> dict[str, Any]:
    """Make an image, look at the file and return its facts."""
    width, height = SIZE
    file, info = client.predict(PROMPT, width=width, height=height, api_name="/text_to_image")
    assert Path(file).stat().st_size > 5_000
    with Image.open(file) as picture:
        picture.load()
        assert picture.size == SIZE
    found: dict[str, Any] = info
    return found


if __name__ == "__main__":
    main()
