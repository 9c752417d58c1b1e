"""Makes the examples: `python -m tools.make_examples` fills assets/examples.json by the miniature.

The images are small WebP files inside the JSON, so that the repository holds text alone. Examples
of another model are made by `python app.py --examples`, into the data folder.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from backends import miniature
from core import examples
from core.settings import Settings

TARGET = Path(__file__).parent.parent / "assets" / examples.NAME
IDEAS = (
    ("A white boat on a teal sea at sunset, a big yellow sun, snowy mountains", 4),
    ("Starry night, orange moon, a small yellow house on purple hills, pine trees", 10),
    ("Snowy blue mountains over a lake at dawn, a white boat, pink clouds", 8),
    ("Golden sky, a hot air balloon, green hills with a big oak tree", 6),
    ("A desert under a red sun, brown mountains, a striped blue balloon", 12),
    ("Winter, a snow field, a white house, pine forest, grey sky and a pale sun", 10),
    ("Pink sky, an orange tree and a red house on yellow hills, white clouds", 10),
    ("Blue sky, snowy mountains, a green meadow with flowers and two houses", 9),
)


async def made() -> list[dict[str, object]]:
    """Make all of them."""
    backend = miniature.create(Settings())
    found = [one async for one in examples.make(backend, IDEAS)]
    await backend.aclose()
    return found


def main() -> None:
    """Write the file."""
    examples.keep(asyncio.run(made()), TARGET)
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
