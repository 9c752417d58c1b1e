"""What is wanted of the history is found, on every database, whether its rows are old or new."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from core.errors import InputError
from core.history import Entry, History, Wanted, index, search
from core.history.words import Term, terms_of, words_in
from core.storage import database as opened
from core.storage.database import Database
from core.storage.files import Storage
from core.storage.tables import cells, collected, entries, entry_words, tags
from tests import postgresql
from tests.core.test_history import entry

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

DIGEST = "ab" * 32
SIZES = [(64, 64), (128, 64), (64, 256)]
PROMPTS = {
    1: "A RED house, near the old mill",
    2: "Old house near a mill; red-hot sunset",
    3: "100% snow and 夜の海 🎈",
    4: "Straße bei Nacht, sunny",
    5: 'it is not "quoted": C++ OR NEAR( a* ) AND\\ \' ; --',
}
FOUND = {
    "house red": [2, 1],
    "RED": [2, 1],
    "red hou": [2, 1],
    "re hou": [],
    "re* hou": [2, 1],
    "sun": [4, 2],
    "sun ": [],
    '"sun"': [],
    "sun*": [4, 2],
    '"old mill"': [1],
    '"mill old"': [],
    "old mill": [2, 1],
    "house -hot": [1],
    '-"old mill" house': [2],
    "-house": [5, 4, 3],
    "-house -snow ": [5, 4],
    "STRASSE": [4],
    "straße": [4],
    "%": [3],
    "100%": [3],
    "海": [3],
    "夜の": [3],
    "の夜": [],
    "🎈": [3],
    "c++": [5],
    "near(": [5, 2, 1],
    "OR AND ": [5],
    "red-hot": [2],
    '"unfinished phrase': [],
    "'": [5, 4, 3, 2, 1],
    "words:red ": [],
    "NEAR(a b)": [],
    "^red": [],
    "a\x00b": [],
}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A PostgreSQL server of our own."""
    pytest.importorskip("psycopg", reason="needs psycopg (requirements-dev.txt)")
    if not postgresql.PROGRAMS:
        pytest.skip("needs a PostgreSQL server (package postgresql)")
    with postgresql.server() as address:
        yield address


@pytest.fixture(params=["sqlite", "mounted", "postgresql"])
async def history(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[History]:
    """An empty history: in a file, in a file of a mounted bucket, on a server."""
    if request.param == "postgresql":
        address = request.getfixturevalue("server")
        url = postgresql.create(address, f"found{time.monotonic_ns()}")
    else:
        url = f"sqlite:///{tmp_path / 'h.db'}"
        monkeypatch.setattr(opened, "_mounted", lambda _: request.param == "mounted")
    database = Database(url)
    await database.migrate()
    yield History(database, Storage(str(tmp_path)))
    await database.aclose()


async def put(history: History, *many: Entry) -> None:
    numbers = await history.database.run(lambda db: index.put_all(db, many))
    assert [*numbers] == [one.id for one in many] == sorted(numbers, key=lambda one: numbers[one])


async def grow_old(history: History, *, ids: tuple[str, ...] = ()) -> None:
    """Let entries be as an earlier version wrote them."""
    names = (*index.TOLD, "price_micros", "source", "set_id", "shuffle")
    change = update(entries).values(dict.fromkeys(names)).values(indexed=0)
    change = change.where(entries.c.id.in_(ids)) if ids else change

    def work(db: Any) -> None:
        db.execute(change)
        gone = select(entries.c.n).where(entries.c.indexed == 0)
        db.execute(delete(entry_words).where(entry_words.c.rowid.in_(gone)))

    await history.database.run(work)


async def numbers(history: History, wanted: Wanted, **more: Any) -> list[int]:
    return [one.seed for one in await history.page("ann", wanted, **more)]


async def test_searches_find_what_they_say(history: History) -> None:
    """Words, beginnings, phrases, exclusions, signs; nothing is an error of the database."""
    await put(history, *(entry(n, prompt=text) for n, text in PROMPTS.items()))
    await put(history, entry(9, owner="bob", prompt="red house near the mill"))
    for query, found in FOUND.items():
        assert await numbers(history, Wanted(query=query)) == found, query
        assert await history.count("ann", Wanted(query=query)) == len(found), query


def matches(query: str, text: str) -> bool:
    """Tell by hand whether a text is found by a search."""
    words = words_in(text)

    def has(term: Term) -> bool:
        many = len(term.words)
        for n in range(len(words) - many + 1):
            *same, last = words[n : n + many]
            ends = last.startswith(term.words[-1]) if term.begins else last == term.words[-1]
            if ends and (*same,) == term.words[:-1]:
                return True
        return False

    return all(has(term) != term.excluded for term in terms_of(query))


async def test_any_search_finds_what_it_finds_by_hand(history: History) -> None:
    """Both databases find the same in texts of few words and many signs."""
    drawn = random.Random(11)
    pieces = [*"red reds re Rê 夜 の 海 % 🎈 - \" * ' +".split(), " ", " ", " "]
    texts = {n: "x " + "".join(drawn.choices(pieces, k=8)) for n in range(150)}
    await put(history, *(entry(n, prompt=text) for n, text in texts.items()))
    for _ in range(150):
        query = "".join(drawn.choices(pieces, k=drawn.randint(1, 6)))
        expected = [n for n in reversed(texts) if matches(query, texts[n])]
        assert await numbers(history, Wanted(query=query), limit=200) == expected, query


async def test_rows_of_an_earlier_version_are_found_meanwhile(history: History) -> None:
    """Some are indexed and some are not: each is found, in the right place."""
    await put(history, *(entry(n, prompt=text) for n, text in PROMPTS.items()))
    await grow_old(history, ids=("e1", "e4"))
    for query in ("RED", "house -hot", "STRASSE", "sun", "-house", "old mill", "海", '"old mill"'):
        assert await numbers(history, Wanted(query=query)) == FOUND[query], query


async def test_title_and_note_are_searched_too(history: History) -> None:
    """No phrase reaches from one into another, and a change is found at once."""
    await put(history, entry(1, prompt="red hills", title="For Mary", note="blue frame"))
    for query, found in {"mary": [1], "frame red": [1], '"hills for"': [], "blue": [1]}.items():
        assert await numbers(history, Wanted(query=query)) == found, query
    await history.describe("e1", owner="ann", title="For Tom", note=None)
    assert await numbers(history, Wanted(query="mary")) == []
    assert await numbers(history, Wanted(query="tom blue")) == [1]


def facts(n: int) -> Entry:
    """Return the entry of a number, whose every fact follows from that."""
    width, height = SIZES[n % 3]
    image = {"sha256": DIGEST, "media_type": "image/png", "width": 64, "height": 64}
    changed = n % 4 == 0
    return entry(
        n,
        prompt="even" if n % 2 == 0 else "odd",
        backend="fal" if n % 2 else "siraya",
        model=f"m{n % 3}",
        task="image-to-image" if changed else "text-to-image",
        params={"prompt": "x", "seed": n} | ({"image": image} if changed else {}),
        sandbox=n % 5 == 0,
        width=width,
        height=height,
        price_usd=[0.0, 0.03, None][n % 3],
        flagged=n % 6 == 0,
        starred=n % 7 == 0,
    )


WANTED = {
    "backend": (Wanted(backend="fal"), lambda n: n % 2 == 1),
    "model": (Wanted(model="m2"), lambda n: n % 3 == 2),
    "task": (Wanted(task="image-to-image"), lambda n: n % 4 == 0),
    "square": (Wanted(shape="square"), lambda n: n % 3 == 0),
    "landscape": (Wanted(shape="landscape"), lambda n: n % 3 == 1),
    "portrait": (Wanted(shape="portrait"), lambda n: n % 3 == 2),
    "size": (Wanted(min_size=100, max_size=200), lambda n: n % 3 == 1),
    "since": (Wanted(since=1_700_000_010.0), lambda n: n >= 10),
    "until": (Wanted(until=1_700_000_010.0), lambda n: n < 10),
    "seed": (Wanted(seed=7), lambda n: n == 7),
    "free": (Wanted(max_price=0.0), lambda n: n % 3 == 0),
    "dear": (Wanted(min_price=0.03), lambda n: n % 3 == 1),
    "starred": (Wanted(starred=True), lambda n: n % 7 == 0),
    "unstarred": (Wanted(starred=False), lambda n: n % 7 != 0),
    "flagged": (Wanted(flagged=True), lambda n: n % 6 == 0),
    "real": (Wanted(sandbox=False), lambda n: n % 5 != 0),
    "source": (Wanted(source=DIGEST), lambda n: n % 4 == 0),
    "set": (Wanted(set_id="s1"), lambda n: n in (3, 8)),
    "collection": (Wanted(collection="c1"), lambda n: n in (2, 5)),
    "tag": (Wanted(tag="good"), lambda n: n in (4, 5)),
    "both": (Wanted(backend="fal", shape="square", query="odd"), lambda n: n % 6 == 3),
    "words": (Wanted(query="even ", sandbox=True), lambda n: n % 10 == 0),
}


async def filled(history: History, *, old: bool) -> None:
    def work(db: Any) -> None:
        for n in (3, 8):
            place = {"page_no": 0, "row_no": n, "column_no": 0}
            db.execute(cells.insert().values(set_id="s1", job_id=f"j{n}", **place))
        for n in (2, 5):
            db.execute(collected.insert().values(collection_id="c1", entry_id=f"e{n}", added_at=0))
        for n in (4, 5):
            db.execute(tags.insert().values(owner="ann", tag="good", entry_id=f"e{n}"))

    await history.database.run(work)
    await put(history, *(facts(n) for n in range(24)), entry(99, owner="bob"))
    if old:
        await grow_old(history)


@pytest.mark.parametrize("old", [False, True], ids=["new", "old"])
async def test_filters_find_what_they_say(history: History, *, old: bool) -> None:
    """Each by itself, and several together; a count agrees with its pages."""
    await filled(history, old=old)
    for name, (wanted, holds) in WANTED.items():
        expected = [n for n in range(23, -1, -1) if holds(n)]
        assert await numbers(history, wanted) == expected, name
        assert await history.count("ann", wanted) == len(expected), name


def price(n: int) -> float:
    return [0.0, 0.03, -1.0][n % 3]


@pytest.mark.parametrize("kind", ["new", "old", "many"])
async def test_pages_follow_each_other_in_every_order_both_ways(
    history: History, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without gap or repeat, forth and back; a random order stays the same."""
    if kind == "many":
        monkeypatch.setattr(search, "FEW", 1)
        monkeypatch.setattr(search, "GATHERED", 1)
        monkeypatch.setattr(search, "AT_HAND", 7)
    await filled(history, old=kind == "old")
    orders = {
        "newest": sorted(range(24), reverse=True),
        "oldest": sorted(range(24)),
        "dearest": sorted(range(24), key=lambda n: (price(n), n), reverse=True),
        "cheapest": sorted(range(24), key=lambda n: (price(n), n)),
        "random": await numbers(history, Wanted(sort="random")),
    }
    assert sorted(orders["random"]) == orders["oldest"] != orders["random"]
    for sort, expected in orders.items():
        for query in ("", "e* -odd"):
            wanted = Wanted(sort=sort, query=query)  # type: ignore[arg-type]
            right = [n for n in expected if not query or n % 2 == 0]
            seen: list[int] = []
            anchor = ""
            while page := await history.page("ann", wanted, limit=5, before=anchor):
                seen += [one.seed for one in page]
                anchor = page[-1].id
            assert seen == right, (sort, query)
            back: list[int] = []
            while page := await history.page("ann", wanted, limit=5, after=anchor):
                back = [one.seed for one in page] + back
                anchor = page[0].id
            assert back == right[:-1], (sort, query)


async def test_the_order_of_old_rows_stays_while_they_are_indexed(history: History) -> None:
    """A page by key goes on where it was."""
    await filled(history, old=True)
    before = await numbers(history, Wanted(sort="random"))
    await history.filling.run()
    assert await numbers(history, Wanted(sort="random")) == before


async def test_many_matches_are_found_as_few_are(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where looking them up one by one takes too long, all facts are read instead."""
    await filled(history, old=False)
    monkeypatch.setattr(search, "FEW", 1)
    monkeypatch.setattr(search, "GATHERED", 1)
    monkeypatch.setattr(search, "AT_HAND", 3)
    for name, (wanted, holds) in WANTED.items():
        expected = [n for n in range(23, -1, -1) if holds(n)]
        assert await numbers(history, wanted) == expected, name
    for query, expected in {"even ": range(22, -1, -2), "-even ": range(23, 0, -2)}.items():
        assert await numbers(history, Wanted(query=query)) == [*expected]
        assert await numbers(history, Wanted(query=query), limit=2) == [*expected][:2]
        assert await history.count("ann", Wanted(query=query)) == 12


async def test_an_unknown_entry_has_no_neighbours(history: History) -> None:
    """Nor has another owner's."""
    await put(history, entry(1), entry(2), entry(3, owner="bob"))
    for anchor in ("nothing", "e3"):
        assert await history.page("ann", before=anchor) == []
        assert await history.page("ann", after=anchor) == []


async def test_a_very_long_query_is_a_sentence_at_once(history: History) -> None:
    """Ten thousand characters cost the database nothing."""
    await put(history, entry(1))
    begun = time.monotonic()
    with pytest.raises(InputError, match="at most 64 words"):
        await history.page("ann", Wanted(query="hills " * 1_667))
    assert await numbers(history, Wanted(query="x" * 10_000)) == []
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("old", [False, True], ids=["new", "old"])
async def test_what_no_database_can_hold_is_found_nowhere(history: History, *, old: bool) -> None:
    """Half a letter or a NUL in any field is no error of the database."""
    await filled(history, old=old)
    names = "query backend model task set_id source parent collection tag".split()
    for odd in ("a\0b", "a\ud800b", "\udfff"):
        for name in names:
            if (name, odd) != ("query", "\udfff"):  # has no word, so that it asks for nothing
                assert await numbers(history, Wanted(**{name: odd})) == [], (name, odd)
        assert await history.page("ann", before=odd) == []


async def test_a_word_of_four_thousand_letters_is_kept(history: History) -> None:
    """No prompt is too odd to be written down."""
    await put(history, entry(1, prompt="z" * 4_000), entry(2, prompt="夜" * 4_000))
    assert await numbers(history, Wanted(query="zzz")) == [1]
    assert await numbers(history, Wanted(query="夜夜夜")) == [2]


async def test_what_is_deleted_for_good_is_found_no_more(history: History) -> None:
    """Its words go with its row; a new entry with its number inherits nothing."""
    await put(history, entry(1, prompt="ammonite"), entry(2))
    await history.database.run(lambda db: index.remove(db, ["e1"]))
    found = entry_words.select()
    rows = await history.database.run(lambda db: db.execute(found).all())
    assert len(rows) == 1
    assert await numbers(history, Wanted(query="ammonite")) == []


async def test_ids_come_in_the_order_wanted(history: History) -> None:
    """For work on all of a filter."""
    await filled(history, old=False)
    found = await history.ids("ann", Wanted(sort="cheapest", starred=True), limit=10)
    assert found == ["e14", "e0", "e21", "e7"]
    assert await history.ids("ann", Wanted(query="nothing"), limit=10) == []
