"""Paints the prompts to start from: `python -m tools.make_examples` fills assets/examples.json.

The pictures are small WebP files inside the JSON, so that the repository holds text alone.
"""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

from sandbox.painter.painter import paint

TARGET = Path(__file__).parent.parent / "assets" / "examples.json"
IDEAS = (
    ("A red sailboat on a teal sea at sunset, big yellow sun on the left, birds", 7),
    ("Starry night, orange moon, a small yellow house on purple hills, pine trees", 3),
    ("Snowy blue mountains over a lake at dawn, a white boat, pink clouds", 12),
    ("Golden sky, hot air balloon, green hills with flowers and a big oak tree", 5),
    ("A desert under a red sun, brown mountains, a striped blue balloon", 9),
    ("Winter: snow field, white house, pine forest, grey sky and a pale sun", 21),
    ("Pink sky, orange tree and a red house on yellow hills, white clouds", 4),
    ("Blue sky, snowy mountains, a green meadow with flowers and two houses", 15),
)


def example(prompt: str, seed: int) -> dict[str, str]:
    """Return a prompt with the sandbox's picture of it, as a data URI."""
    file = io.BytesIO()
    picture = paint(prompt, 960, 720, steps=28, guidance=4.0, seed=seed)
    picture.resize((320, 240)).save(file, "WEBP", quality=72, method=6)
    data = base64.b64encode(file.getvalue()).decode()
    return {"prompt": prompt, "picture": f"data:image/webp;base64,{data}"}


def main() -> None:
    """Write the file."""
    made = [example(prompt, seed) for prompt, seed in IDEAS]
    TARGET.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
