"""How the history does with 100,000 images: pages, searches and filters at the server.

    python -m bench.history [--entries 100000] [--folder FOLDER] [--postgresql] [--processor]
    python -m bench.history --earlier [--entries 100000] [--postgresql] [--processor]

Makes the entries through the program's own rows, with thumbnails that are real files, in a
temporary folder or in FOLDER, where a second run finds them again. Times are those of the studio's
answer: database, rows and entries. `--earlier` does the same with what the version before wrote:
how long its migration takes, and how long it is indexed in the background while pages are asked
for. `--processor` measures the time of the processor instead of that of a clock, for a machine that
is busy with other things: of this process, and of those of PostgreSQL that answer it, which then
have no workers beside them. Exits with 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import resource
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import Connection, insert

from core.history import ALL, Entry, History, Wanted, index
from core.history.entry import facts_of
from core.history.keeping import Keeping
from core.storage.database import Database, is_sqlite
from core.storage.files import Storage
from core.storage.migrations import MIGRATIONS
from core.storage.tables import entries, entry_words

OWNER = "local"
PAGE = 50
MIGRATED_S, INDEXED_S, MEANWHILE_MS = 3.0, 300.0, 300.0
FIRST_MS, MEDIAN_MS, WORST_MS, FAR, GROWTH_MB = 10.0, 30.0, 100.0, 1.5, 20.0
COUNT_MS, WORST_COUNT_MS = 60.0, 250.0
COMPLETED_MS = 50.0
SEARCHES = 200
BEFORE = 7
"""The migrations of the version before."""
Clock = Callable[[], float]
AT_ONCE = 2_000
DAY_S = 86_400
FROM = 1_735_689_600  # the first of January 2025
RARE = "ammonite"
COMMON = (
    "a of the in with and light at on soft detailed photo sea hills morning evening golden misty "
    "portrait landscape river snow forest house old red blue green white cinematic wide"
).split()
CHINESE = "夜の海と月 山水画 金色的麦田 雪の森 红色的房子 静かな湖".split()
QUERIES = (
    *("a", "a of the ", "light sea", "w1", "w", "l", "海", '"of the"', "-light", "sea -a"),
    *("-a -of -the ", "夜の海", RARE, f"{RARE} a", "xylophone", '"a a a"', "s* l*", "???"),
)
SIZES = ((1024, 1024), (1024, 768), (768, 1024), (1536, 1024), (1024, 1536), (512, 512))
BACKENDS = (
    ("wavespeed", "wavespeed-ai/flux-srpo", 0.025),
    ("fal", "fal-ai/flux-1/srpo", 0.03),
    ("siraya", "flux-1-srpo-text-to-image", None),
    ("miniature", "miniature", 0.0),
)


def main() -> None:
    """Measure everything and print a line a figure."""
    parser = argparse.ArgumentParser(prog="python -m bench.history")
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where the entries are kept for another run")
    parser.add_argument("--postgresql", action="store_true", help="on a server of its own")
    parser.add_argument("--earlier", action="store_true", help="rows of the version before")
    parser.add_argument("--processor", action="store_true", help="time of the processor")
    given = parser.parse_args()
    measure = earlier if given.earlier else measured
    with place(given.folder) as folder, address(folder, postgresql=given.postgresql) as at:
        clock, url = time.perf_counter, at
        if given.processor and given.postgresql:
            url = f"{at}?options=-c%20max_parallel_workers_per_gather%3D0"
            clock = with_server(url)
        elif given.processor:
            clock = time.process_time
        figures = asyncio.run(measure(url, folder, given.entries, clock))
    for one in figures:
        print(one)
    sys.exit(any(one.missed for one in figures))


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value and the most it may be."""

    name: str
    value: float
    most: float
    unit: str = "ms"

    @property
    def missed(self) -> bool:
        """Whether it is more than it may be."""
        return self.value > self.most

    def __str__(self) -> str:
        said = f"{self.name:<58}{self.value:9.2f} {self.unit}"
        return f"{said}  (at most {self.most:g}{', missed' * self.missed})"


@contextmanager
def place(folder: Path | None) -> Iterator[Path]:
    """Yield the folder to work in, which is gone afterwards unless it was named."""
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@contextmanager
def address(folder: Path, *, postgresql: bool) -> Iterator[str]:
    """Yield the address of the database."""
    if not postgresql:
        yield f"sqlite:///{folder / 'playground.db'}"
        return
    from tests.postgresql import server

    with server() as url:
        yield url


def with_server(url: str) -> Clock:
    """Return the processor's time of this process and of all that answer it (Linux), as a clock."""
    with connected(url) as db:
        backend = db.execute("SELECT pg_backend_pid()").fetchone()[0]
    server = Path(f"/proc/{backend}/status")
    parent = next(line for line in server.read_text().splitlines() if line.startswith("PPid"))
    children = Path("/proc/{0}/task/{0}/children".format(parent.split()[1]))
    answering: dict[str, bool] = {}

    def spent() -> float:
        nanoseconds = 0
        for one in children.read_text().split():
            with suppress(OSError):  # it has ended
                if one not in answering:
                    answering[one] = b"127.0.0.1" in Path(f"/proc/{one}/cmdline").read_bytes()
                if answering[one]:
                    nanoseconds += int(Path(f"/proc/{one}/schedstat").read_text().split()[0])
        return time.process_time() + nanoseconds / 1e9

    return spent


def connected(url: str) -> Any:
    """Open a connection to PostgreSQL that has no transactions."""
    import psycopg

    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


async def measured(url: str, folder: Path, number: int, clock: Clock) -> list[Figure]:
    """Make what is missing of the entries, then time all questions."""
    database = Database(url)
    await database.migrate()
    history = History(database, Storage(str(folder)))
    there = await history.count(OWNER)
    begun = time.perf_counter()
    await fill(history, folder, there, number)
    if there < number:
        print(f"{number - there:,} entries made in {time.perf_counter() - begun:.1f} s")
    settle(url)
    try:
        return [
            *await pages(history, number, clock),
            *await searches(history, clock),
            *await completions(history, clock),
        ]
    finally:
        await database.aclose()


async def earlier(url: str, folder: Path, number: int, clock: Clock) -> list[Figure]:
    """Time what becomes of the rows of the version before, while somebody looks at them."""
    database = Database(url)
    await database.migrate(MIGRATIONS[:BEFORE])
    await database.run(lambda db: write_earlier(db, number))
    begun = clock()
    await database.migrate()
    migrated = clock() - begun
    history = History(database, Storage(str(folder)))
    begun = time.perf_counter()
    filling = asyncio.create_task(history.filling.run())
    first: list[float] = []
    found: list[float] = []
    rare = Wanted(query=RARE)
    while not filling.done():
        first.append(await timed(lambda: history.page(OWNER, limit=PAGE), clock))
        found.append(await timed(lambda: history.page(OWNER, rare, limit=PAGE), clock))
        await asyncio.sleep(0.5)
    await filling
    took = time.perf_counter() - begun
    everything = await history.count(OWNER)
    await database.aclose()
    return [
        Figure("migration, before the page is up", migrated, MIGRATED_S, "s"),
        Figure("then indexed in the background in", took, INDEXED_S, "s"),
        Figure("the first page meanwhile, median", statistics.median(first), WORST_MS),
        Figure("a rare word meanwhile, median", statistics.median(found), MEANWHILE_MS),
        Figure("entries that were lost", number - everything, 0, ""),
    ]


def write_earlier(db: Connection, number: int) -> None:
    """Write rows as the version before did."""
    drawn = random.Random(0)
    kept = ("id", "job_id", "owner", "created_at", "elapsed_s", "starred")
    for begin in range(0, number, AT_ONCE):
        made = (entry(n, drawn) for n in range(begin, min(begin + AT_ONCE, number)))
        rows = [
            {name: getattr(one, name) for name in kept}
            | {"search": one.prompt.casefold(), "facts": facts_of(one)}
            for one in made
        ]
        db.execute(insert(entries), rows)


async def fill(history: History, folder: Path, there: int, number: int) -> None:
    """Insert entries with their thumbnails, as many at once as a transaction holds well."""
    if there >= number:
        return
    drawn = random.Random(there)
    patterns = [thumbnail(drawn, folder / "thumbnails" / f"{n}.webp") for n in range(64)]
    await history.database.run(lambda db: by_word(db, there=False))
    for begin in range(there, number, AT_ONCE):
        many = [entry(n, drawn) for n in range(begin, min(begin + AT_ONCE, number))]
        write(folder, many, patterns)
        await history.database.run(lambda db, many=many: index.put_all(db, many))  # type: ignore[misc]
    await history.database.run(lambda db: by_word(db, there=True))


def by_word(db: Connection, *, there: bool) -> None:
    """Make PostgreSQL's index of words at once when all words are there, or drop it until then."""
    if db.dialect.name != "sqlite":
        for one in entry_words.indexes:
            (one.create if there else one.drop)(db)


def settle(url: str) -> None:
    """Let PostgreSQL count its rows, as it does by itself some time after they were written."""
    if not is_sqlite(url):
        with connected(url) as db:
            db.execute("VACUUM ANALYZE")


def write(folder: Path, many: Sequence[Entry], patterns: Sequence[Path]) -> None:
    """Give each entry a thumbnail on disk, a link to one of those that were drawn."""
    for place in {(folder / one.thumbnail).parent for one in many}:
        place.mkdir(parents=True, exist_ok=True)
    for n, one in enumerate(many):
        os.link(patterns[n % len(patterns)], folder / one.thumbnail)


def thumbnail(drawn: random.Random, file: Path) -> Path:
    """Write a small WebP with some colours in it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    small = Image.frombytes("RGB", (6, 6), drawn.randbytes(108))
    small.resize((256, 256), Image.Resampling.BICUBIC).save(file, "WEBP", quality=60)
    return file


def entry(n: int, drawn: random.Random) -> Entry:
    """Return one of a year's images: words as frequent as in a language, facts as in use."""
    name, model, price = drawn.choices(BACKENDS, (5, 3, 1, 4))[0]
    width, height = drawn.choice(SIZES)
    words = drawn.choices(COMMON, [1 / (rank + 1) for rank in range(len(COMMON))], k=14)
    words += [f"w{int(drawn.paretovariate(0.6)) % 40_000}" for _ in range(6)]
    if drawn.random() < 0.03:
        words.append(drawn.choice(CHINESE))
    if n % 20_000 == 7:
        words.append(RARE)
    prompt, seed = " ".join(words), drawn.randrange(2**31)
    params: dict[str, Any] = {"prompt": prompt, "seed": seed, "width": width, "height": height}
    params |= {"steps": 28, "guidance": 3.5, "output_format": "png", "model": model}
    changed = drawn.random() < 0.2
    if changed:
        digest = f"{drawn.randrange(2_000):064x}"
        params["image"] = {"sha256": digest, "media_type": "image/png", "width": 64, "height": 64}
    made = FROM + n * 365 * DAY_S / 100_000
    day = time.strftime("%Y-%m-%d", time.gmtime(made))
    file = f"{day}/{n:06d}-{seed}"
    return Entry(
        id=secrets.token_hex(12),
        job_id=secrets.token_hex(12),
        owner=OWNER,
        created_at=made,
        task="image-to-image" if changed else "text-to-image",
        backend=name,
        model=model,
        sandbox=drawn.random() < 0.1,
        prompt=prompt,
        params=params,
        sent={**params, "enable_safety_checker": True},
        seed=seed,
        width=width,
        height=height,
        format="png",
        elapsed_s=3.2,
        price_usd=price,
        request_id=secrets.token_hex(16),
        flagged=drawn.random() < 0.01,
        file=f"images/{file}.png",
        thumbnail=f"thumbnails/{file}.webp",
        starred=drawn.random() < 0.03,
    )


async def timed(ask: Callable[[], Awaitable[object]], clock: Clock) -> float:
    """Return the milliseconds of one question."""
    begun = clock()
    await ask()
    return (clock() - begun) * 1000


async def pages(history: History, number: int, clock: Clock) -> list[Figure]:
    """Time the first page, and page 1 against page 1,000 in turns, with the memory they take."""
    anchor = (await history.ids(OWNER, limit=min(PAGE * 999, number - PAGE)))[-1]
    first: list[float] = []
    last: list[float] = []
    before = memory_mb()
    for _ in range(60):
        first.append(await timed(lambda: history.page(OWNER, limit=PAGE), clock))
        last.append(await timed(lambda: history.page(OWNER, limit=PAGE, before=anchor), clock))
    one, other = statistics.median(first), statistics.median(last)
    return [
        Figure("the first page, median", one, FIRST_MS),
        Figure("page 1,000 beside page 1", other / one, FAR, "x"),
        Figure("memory that 120 pages took", memory_mb() - before, GROWTH_MB, "MB"),
    ]


async def searches(history: History, clock: Clock) -> list[Figure]:
    """Time searches and filters, each with its page and with its count."""
    times: dict[str, float] = {}
    before = memory_mb()
    for n, wanted in enumerate(await asked_for(history)):
        name = f"{n} {told(wanted)}"
        times[name] = await timed(lambda w=wanted: history.page(OWNER, w, limit=PAGE), clock)  # type: ignore[misc]
        times[f"{name} counted"] = await timed(lambda w=wanted: history.count(OWNER, w), clock)  # type: ignore[misc]
    worst = sorted(times, key=times.__getitem__)[:-9:-1]
    for name in worst:
        print(f"    {times[name]:7.1f} ms  {name}")
    pages_only = [took for name, took in times.items() if not name.endswith("counted")]
    counts = [took for name, took in times.items() if name.endswith("counted")]
    return [
        Figure(
            f"a search or filter of {len(pages_only)}, median",
            statistics.median(pages_only),
            MEDIAN_MS,
        ),
        Figure("the slowest of them", max(pages_only), WORST_MS),
        Figure("counting what it finds, median", statistics.median(counts), COUNT_MS),
        Figure("the slowest of the counts", max(counts), WORST_COUNT_MS),
        Figure("memory that they took", memory_mb() - before, GROWTH_MB, "MB"),
    ]


async def completions(history: History, clock: Clock) -> list[Figure]:
    """Time what is asked while somebody types prompts, usual and rare ones, letter by letter."""
    keeping = Keeping(history, trash_days=30.0)
    some = await history.page(OWNER, Wanted(sort="random"), limit=4)
    prompts = [one.prompt for one in some] + ["a soft light on a sea", "xylophone", "夜の海と月"]
    typed = [prompt[:end] for prompt in prompts for end in range(2, min(len(prompt), 40))]
    times = [await timed(lambda t=t: keeping.completions(OWNER, t), clock) for t in typed]  # type: ignore[misc]
    return [Figure(f"completing a prompt, the slowest of {len(times)}", max(times), COMPLETED_MS)]


async def asked_for(history: History) -> list[Wanted]:
    """Return 200 questions as people ask them, the hardest among them."""
    some = await history.page(OWNER, Wanted(sort="random"), limit=40)
    changed = next(one for one in some if "image" in one.params)
    hard = [
        *(Wanted(query=word) for word in ("a", "a of the ", "light sea", "w1", "w", "l", "海")),
        *(
            Wanted(query=text)
            for text in ('"of the"', "-light", "sea -a", "-a -of -the ", "夜の海")
        ),
        *(
            Wanted(query=text)
            for text in (RARE, f"{RARE} a", "xylophone", '"a a a"', "s* l*", "???")
        ),
        *(Wanted(sort=sort) for sort in ("oldest", "dearest", "cheapest", "random")),
        *(Wanted(query="a ", sort=sort) for sort in ("oldest", "dearest", "cheapest", "random")),
        *(Wanted(backend="fal", sort=sort) for sort in ("dearest", "random")),
        Wanted(seed=some[0].seed),
        Wanted(seed=some[0].seed, query="a "),
        Wanted(starred=True),
        Wanted(starred=True, query="sea "),
        Wanted(flagged=True),
        Wanted(flagged=True, starred=True, sandbox=True),
        Wanted(flagged=True, query="light sea ", shape="portrait"),
        Wanted(flagged=True, backend="siraya", shape="square", sandbox=True),
        Wanted(backend="nobody"),
        Wanted(model="miniature", task="image-to-image", shape="square"),
        Wanted(since=FROM, until=FROM + DAY_S),
        Wanted(since=FROM, until=FROM + DAY_S, query="sea "),
        Wanted(until=FROM + DAY_S),
        Wanted(min_price=0.026),
        Wanted(max_price=0.0),
        Wanted(min_price=0.5),
        Wanted(min_size=1500, max_size=1536),
        Wanted(min_size=4000),
        Wanted(source=changed.params["image"]["sha256"]),
        Wanted(set_id="nothing"),
        Wanted(collection="nothing"),
        Wanted(tag="nothing"),
        Wanted(trash=True),
        Wanted(trash=True, query="a "),
    ]
    drawn = random.Random(1)
    while len(hard) < SEARCHES:
        one = ALL
        words = drawn.choice(some).prompt.split()
        if drawn.random() < 0.6:
            one = replace(one, query=" ".join(drawn.sample(words, drawn.randint(1, 4))))
        if drawn.random() < 0.4:
            one = replace(one, backend=drawn.choice(BACKENDS)[0])
        if drawn.random() < 0.3:
            one = replace(one, shape=drawn.choice(("square", "landscape", "portrait")))
        if drawn.random() < 0.2:
            begin = FROM + drawn.randrange(300) * DAY_S
            one = replace(one, since=begin, until=begin + 30 * DAY_S)
        if drawn.random() < 0.2:
            one = replace(one, sort=drawn.choice(("oldest", "dearest", "random")))
        if drawn.random() < 0.2:
            one = replace(one, starred=True)
        if one != ALL:
            hard.append(one)
    return hard


def told(wanted: Wanted) -> str:
    """Name a question by what it does not leave open."""
    names = Wanted.__dataclass_fields__
    facts = ((name, getattr(wanted, name)) for name in names)
    return ", ".join(f"{name}={value}" for name, value in facts if value != getattr(ALL, name))


def memory_mb() -> float:
    """Return the memory that this process holds now (Linux)."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    os.environ.pop("DATABASE_URL", None)
    main()
