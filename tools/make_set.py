"""Makes README's set: `python -m tools.make_set` asks the miniature for guidance times steps.

The set goes the way of every other: planned, written down, made job by job, and taken away as a
contact sheet, which becomes `assets/miniature/set.webp`.
"""

from __future__ import annotations

import asyncio
import io
import tempfile
from pathlib import Path

from PIL import Image

from backends import Settings, create
from core.exports.sheet import Sheet, drawn
from core.history import History
from core.jobs.ledger import Ledger
from core.jobs.set_jobs import Wish
from core.jobs.sets import JobSet
from core.storage.database import Database
from core.storage.files import Storage
from core.studio import Studio

TARGET = Path(__file__).parent.parent / "assets" / "miniature" / "set.webp"
PROMPT = "A red sailboat on a teal sea at sunset, a big yellow sun on the left, snowy mountains"
AXES = [
    {"field": "steps", "values": [1, 2, 4, 8, 28]},
    {"field": "guidance", "values": [1, 2, 3.5, 6]},
]


async def made(studio: Studio) -> JobSet:
    """Make the set and wait for its last image."""
    base = {"prompt": PROMPT, "seed": 7, "width": 384, "height": 256}
    wish = Wish("text-to-image", base, AXES, [{"backend": "miniature"}])
    found = await studio.submit_set(wish, owner="local")
    await asyncio.gather(*(studio.result(job.id, owner="local") for job in found.jobs))
    return await studio.set(found.id)


async def sheet(studio: Studio, found: JobSet) -> bytes:
    """Return the contact sheet of a set, with what its sides mean, as PNG."""
    entries = await studio.entries_of(found.jobs)
    images = {
        (cell.row, cell.column): await studio.file(entries[str(cell.job.entry_id)].file)
        for cell in found.cells
    }
    columns = [f"{name} step{'' if name == '1' else 's'}" for name in found.columns]
    rows = [f"guidance {name}" for name in found.rows]
    return drawn(Sheet(PROMPT, columns, rows, images, {}), 240)


async def make() -> bytes:
    """Make the set in a folder that is gone afterwards, and return its sheet as PNG."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(srpo_data_dir=Path(folder), _env_file=None)  # type: ignore[call-arg]
        database = Database(settings.database)
        await database.migrate()
        history = History(database, Storage(settings.storage))
        studio = Studio(create(settings), Ledger(database), history)
        await studio.start()
        try:
            return await sheet(studio, await made(studio))
        finally:
            await studio.aclose()
            await database.aclose()


def main() -> None:
    """Write the file."""
    Image.open(io.BytesIO(asyncio.run(make()))).save(TARGET, "WEBP", quality=82, method=6)
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
