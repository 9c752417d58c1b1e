"""How well images are found by colour and by likeness, how many duplicates are, and how soon.

    python -m bench.likeness [--scenes 250] [--entries 100000] [--processes 2]

The sandbox's painter paints every scene with 20 seeds, each time with other hills, waves, tints and
places, in three shapes: 5,000 images whose descriptions are known. What is right is told by those
descriptions alone, never by a descriptor:

* An image is **in a colour** when the description of its scene gives that colour's name to its sky,
  its ground or its mountains. Asked for are the painter's twelve colours, and ten picks near each,
  up to 8 of 255 off in every channel. An image of that name whose light has changed the colour (a
  brown hill at night) counts all the same, and one that only looks it does not.
* Two images show the **same scene** when they were painted from one description with two seeds.
* Two are the **same image** when one is the other's file, encoded again (JPEG 90, 75 and 50,
  WebP 80) or scaled (a half, three quarters, twice; a half as JPEG 75). One image in five has
  these eight variants. Images of one scene with two seeds are not the same.

Everything is asked of the history, as the page asks. Exits with 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in app.py, before NumPy is imported

import numpy as np
from PIL import Image
from sqlalchemy import Connection

from bench.history import OWNER, entry, memory_mb, timed
from core import pictures
from core.history import Entry, History, Wanted, index
from core.likeness import Descriptor, describe
from core.storage.database import Database
from core.storage.files import Storage
from sandbox.painter.backdrop import draw_mountains, draw_sky
from sandbox.painter.canvas import Canvas
from sandbox.painter.ground import draw_ground
from sandbox.painter.objects import draw_objects
from sandbox.painter.palette import COLOURS
from sandbox.painter.scene import Scene
from sandbox.painter.view import look
from sandbox.painter.vocabulary import SKY_OF_COLOUR
from tools.miniature.scenes import scene_of

SEEDS = 20
SHAPES = ((320, 320), (384, 256), (256, 384))
LARGE = ("mountains", "hills", "sea", "desert", "snow")
PICKS, OFF = 10, 8
ENCODED = (("JPEG", 90), ("JPEG", 75), ("JPEG", 50), ("WEBP", 80))
SCALED = ((0.5, "PNG", 0), (0.75, "PNG", 0), (2.0, "PNG", 0), (0.5, "JPEG", 75))
VARIED = 5  # one image in so many has variants
QUERIES = 100
FIRST = 10
AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value and what it has to be: at most, or at least."""

    name: str
    value: float
    limit: float
    unit: str
    at_least: bool = False

    @property
    def missed(self) -> bool:
        """Whether it is not what it has to be."""
        return self.value < self.limit if self.at_least else self.value > self.limit

    def __str__(self) -> str:
        words = "at least" if self.at_least else "at most"
        missed = ", missed" * self.missed
        return f"{self.name:<52}{self.value:9.3f} {self.unit}  ({words} {self.limit:g}{missed})"


@dataclass(frozen=True, slots=True)
class Made:
    """An image or a variant of one: what it is told by, and what is kept of it."""

    image: int
    variant: int  # 0: the image itself
    size: tuple[int, int]
    thumbnail: bytes
    descriptor: Descriptor
    took_ms: float


def main() -> None:
    """Measure everything and print a line a figure."""
    parser = argparse.ArgumentParser(prog="python -m bench.likeness")
    parser.add_argument("--scenes", type=int, default=250)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    with Pool(given.processes) as pool:
        made = pool.map(versions, range(given.scenes * SEEDS), chunksize=SEEDS)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        figures = asyncio.run(found(folder / "known", [one for some in made for one in some]))
        figures += asyncio.run(timings(folder / "many", made, given.entries))
    for one in figures:
        print(one)
    sys.exit(any(one.missed for one in figures))


def versions(number: int) -> list[Made]:
    """Paint an image, with its variants where it has some."""
    shape = SHAPES[int(np.random.default_rng((number, 9)).integers(len(SHAPES)))]
    image = painted(scene_of(number // SEEDS), shape, f"likeness {number}")
    files = [encoded(image, "PNG", 0)]
    if number % VARIED == 0:
        files += [encoded(image, kind, quality) for kind, quality in ENCODED]
        for share, kind, quality in SCALED:
            size = (round(image.width * share), round(image.height * share))
            files.append(encoded(image.resize(size, Image.Resampling.LANCZOS), kind, quality))
    return [kept(number, variant, file) for variant, file in enumerate(files)]


def painted(scene: Scene, shape: tuple[int, int], key: str) -> Image.Image:
    """Return a complete scene, in the way that `key` draws it."""
    canvas = Canvas(*shape)
    view = look(canvas, scene, key)
    draw_sky(view)
    if mountains := scene.find("mountains"):
        draw_mountains(view, mountains)
    draw_objects(view, draw_ground(view))
    pixels = np.clip(np.moveaxis(canvas.pixels, 0, 2) * 255 + 0.5, 0, 255).astype(np.uint8)
    return Image.fromarray(pixels)


def encoded(image: Image.Image, kind: str, quality: int) -> bytes:
    """Return an image as a file."""
    file = io.BytesIO()
    image.save(file, kind, **({"quality": quality} if quality else {}))
    return file.getvalue()


def kept(number: int, variant: int, file: bytes) -> Made:
    """Do what a save does with an image, and time what describing it takes."""
    small = pictures.reduced(file)
    begun = time.thread_time()  # other processes paint meanwhile
    descriptor = describe(small)
    took = (time.thread_time() - begun) * 1000
    with Image.open(io.BytesIO(file)) as opened:
        size = opened.size
    return Made(number, variant, size, pictures.encoded_thumbnail(small), descriptor, took)


def colours_of(scene: Scene) -> set[str]:
    """Return the names that a description gives to the large parts of its image."""
    sky = {colour for colour, name in SKY_OF_COLOUR.items() if name == scene.sky}
    large = [thing for thing in scene.things if thing.kind in LARGE]
    return {*sky, *(str(thing.colour) for thing in large)}


def picks() -> Iterator[tuple[str, str]]:
    """Yield the names of colours with what somebody picks for them."""
    drawn = random.Random(1)
    for name, parts in COLOURS.items():
        exact = [round(part * 255) for part in parts]
        yield name, "#" + bytes(exact).hex()
        for _ in range(PICKS):
            near = [min(255, max(0, part + drawn.randint(-OFF, OFF))) for part in exact]
            yield name, "#" + bytes(near).hex()


async def opened(folder: Path) -> History:
    """Return an empty history in a folder."""
    await asyncio.to_thread(folder.mkdir)
    database = Database(f"sqlite:///{folder / 'playground.db'}")
    await database.migrate()
    return History(database, Storage(str(folder)))


async def found(folder: Path, made: Sequence[Made]) -> list[Figure]:
    """Ask for colours, for scenes and for duplicates, and count what is right."""
    history = await opened(folder)
    shown = await keep(history, [one for one in made if not one.variant])
    figures = [*await colour_figures(history, shown), *await scene_figures(history, shown)]
    shown |= await keep(history, [one for one in made if one.variant])
    figures += await duplicate_figures(history, shown)
    await history.database.aclose()
    return figures


async def keep(history: History, made: Sequence[Made]) -> dict[str, Made]:
    """Add entries with their thumbnails and descriptors; return what each of them shows."""
    drawn = random.Random(made[0].variant)
    shown: dict[str, Made] = {}
    for begin in range(0, len(made), AT_ONCE):
        some = made[begin : begin + AT_ONCE]
        rows = [entry(10_000_000 * one.variant + one.image, drawn) for one in some]
        for row, one in zip(rows, some, strict=True):
            shown[row.id] = one
            await history.storage.write(row.thumbnail, one.thumbnail)
        await insert(history, list(zip(rows, (one.descriptor for one in some), strict=True)))
    return shown


async def insert(history: History, rows: Sequence[tuple[Entry, Descriptor]]) -> None:
    """Add rows with their descriptors in one transaction."""

    def work(db: Connection) -> None:
        for row, descriptor in rows:
            history.likeness.keep(db, index.put(db, row), row.owner, descriptor)

    await history.database.run(work)


async def colour_figures(history: History, shown: dict[str, Made]) -> list[Figure]:
    """Ask for each colour as it is picked, and count how many of the first ten have its name."""
    names = {name: colours_of(scene_of(one.image // SEEDS)) for name, one in shown.items()}
    right: dict[str, list[float]] = {}
    for colour, picked in picks():
        page = await history.page(OWNER, Wanted(colour=picked), limit=FIRST)
        share = sum(colour in names[one.id] for one in page) / FIRST
        right.setdefault(colour, []).append(share)
    means = {colour: statistics.fmean(shares) for colour, shares in right.items()}
    chance = statistics.fmean(
        sum(colour in held for held in names.values()) / len(names) for colour in right
    )
    said = ", ".join(f"{colour} {mean:.2f}" for colour, mean in means.items())
    print(f"    by colour: {said}; by chance {chance:.2f}")
    return [Figure("in a colour, precision at 10", statistics.fmean(means.values()), 0.9, "", True)]


async def scene_figures(history: History, shown: dict[str, Made]) -> list[Figure]:
    """Ask for more like one image in seven, and count how many of the first ten are its scene."""
    shares = []
    for name, one in list(shown.items())[::7]:
        page = await history.page(OWNER, Wanted(like=name), limit=FIRST)
        same = [shown[other.id].image // SEEDS == one.image // SEEDS for other in page]
        shares.append(sum(same) / FIRST)
    return [Figure("the same scene, precision at 10", statistics.fmean(shares), 0.8, "", True)]


async def duplicate_figures(history: History, shown: dict[str, Made]) -> list[Figure]:
    """Ask for the duplicates of every image: all its variants, and nothing else, are right."""
    wanted = right = asked = wrong = 0
    times = []
    for name, one in shown.items():
        if one.variant:
            continue
        begun = time.perf_counter()
        page = await history.likeness.duplicates(OWNER, name)
        times.append((time.perf_counter() - begun) * 1000)
        images = [shown[other.id].image for other in page]
        variants = len(ENCODED) + len(SCALED) if one.image % VARIED == 0 else 0
        wanted += variants
        right += images.count(one.image)
        asked += 1
        wrong += any(image != one.image for image in images)
    print(f"    {wanted} variants looked for; one question took {statistics.median(times):.1f} ms")
    return [
        Figure("duplicates found", right / wanted, 0.99, "", True),
        Figure("images of which another is called a duplicate", wrong / asked, 0.001, ""),
    ]


async def timings(folder: Path, made: Sequence[Sequence[Made]], number: int) -> list[Figure]:
    """Time what is added to a save, and questions among many entries."""
    described = [one.took_ms for some in made for one in some]
    many = [one.descriptor for some in made for one in some]
    history = await opened(folder)
    drawn = random.Random(3)
    writes = [await write_ms(history, entry(n, drawn), many[n % len(many)]) for n in range(200)]
    for begin in range(200, number, AT_ONCE):
        rows = [entry(n, drawn) for n in range(begin, min(begin + AT_ONCE, number))]
        await insert(history, [(row, like(drawn.choice(many), drawn)) for row in rows])
    before = memory_mb()
    again = History(history.database, history.storage)
    loaded = await timed(
        lambda: again.page(OWNER, Wanted(colour="#4a7ac6"), limit=50), time.perf_counter
    )
    print(f"    loaded with the first question in {loaded:.0f} ms, {memory_mb() - before:.0f} MB")
    some = await again.page(OWNER, Wanted(sort="random"), limit=QUERIES)
    figures = [
        Figure(
            "describing an image, of the processor, median", statistics.median(described), 15, "ms"
        ),
        Figure("writing a descriptor down, median", statistics.median(writes), 15, "ms"),
    ]
    questions: dict[str, Callable[[Entry], Wanted]] = {
        "in a colour": lambda one: Wanted(colour=f"#{one.seed % 0xFFFFFF:06x}"),
        "like an image": lambda one: Wanted(like=one.id),
        "like a starred image, in a colour": lambda one: Wanted(
            like=one.id, starred=True, colour=f"#{one.seed % 0xFFFFFF:06x}"
        ),
    }
    for name, wanted in questions.items():
        wishes = [wanted(one) for one in some]
        times = [
            await timed(lambda w=w: again.page(OWNER, w, limit=50), time.perf_counter)
            for w in wishes
        ]  # type: ignore[misc]
        print(f"    {name}: the slowest of {len(times)} took {max(times):.1f} ms")
        figures.append(Figure(f"{name}, of {number:,}, median", statistics.median(times), 50, "ms"))
    await history.database.aclose()
    return figures


async def write_ms(history: History, row: Entry, descriptor: Descriptor) -> float:
    """Return what a descriptor adds to the transaction of a row."""

    def work(db: Connection) -> float:
        number = index.put(db, row)
        begun = time.perf_counter()
        history.likeness.keep(db, number, row.owner, descriptor)
        return (time.perf_counter() - begun) * 1000

    return await history.database.run(work)


def like(one: Descriptor, drawn: random.Random) -> Descriptor:
    """Return a descriptor of an image that looks a little different."""
    parts = np.frombuffer(one.layout, np.uint8).astype(int)
    noise = np.random.default_rng(drawn.randrange(2**32)).integers(-20, 21, len(parts))
    return Descriptor(one.colours, np.clip(parts + noise, 0, 255).astype(np.uint8).tobytes())


if __name__ == "__main__":
    main()
