"""What is wanted of the history, and the questions to the database that find it.

Rows that were written before there were columns to find them by are found by their facts, until a
background task has filled the columns; until then such questions read more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    Label,
    Select,
    and_,
    any_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY

from core.history.index import INDEXED, shuffled
from core.history.words import Term, in_fts5, in_tsquery, storable, terms_of
from core.money import MICROS, micros
from core.storage.tables import cells, collected, entries, entry_words, tags

Shape = Literal["", "square", "landscape", "portrait"]
Sort = Literal["", "newest", "oldest", "dearest", "cheapest", "random"]
"""Empty is the newest first, or the most alike where a colour or an image is wanted."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are wanted, and in which order; what is empty or None does not matter."""

    query: str = ""
    """Words of prompt, title and note: `word`, `beginn*`, `"a phrase"`, `-without`."""
    backend: str = ""
    model: str = ""
    task: str = ""
    shape: Shape = ""
    min_size: int | None = None
    """The longer edge, in pixels."""
    max_size: int | None = None
    since: float | None = None
    """Made at this Unix time or later."""
    until: float | None = None
    """Made before this Unix time."""
    seed: int | None = None
    min_price: float | None = None
    """In dollars; an unknown price is neither small nor large."""
    max_price: float | None = None
    starred: bool | None = None
    flagged: bool | None = None
    sandbox: bool | None = None
    set_id: str = ""
    source: str = ""
    """The sha256 of the image that they began with."""
    parent: str = ""
    """The entry that they were made from."""
    collection: str = ""
    """A collection's id."""
    tag: str = ""
    trash: bool = False
    """Those in the trash alone, instead of all others."""
    colour: str = ""
    """Images in this colour, such as `#4488d8`: the thousand with the most of it."""
    like: str = ""
    """The entry that they look like: the two hundred most alike."""
    sort: Sort = ""


ALL = Wanted()
BY_NUMBER = ("", "newest", "oldest")
"""Orders that go by the number of an entry, as an index of words does."""
AT_HAND = 2_000
"""How many entries with the words are looked at before all that have them are gathered."""
GATHERED = 2_000
"""So many entries with the words are gathered on PostgreSQL, whose index has no order."""
FEW = 500
"""So many entries are looked up one by one; of more, all facts are read instead."""


def page(
    db: Connection,
    owner: str,
    wanted: Wanted,
    *,
    limit: int,
    before: str = "",
    after: str = "",
    among: Sequence[int] | None = None,
) -> list[int]:
    """Return the numbers of at most `limit` entries next to one, in the order wanted.

    They follow `before`, or precede `after`; an unknown one has no neighbours. Colour and likeness
    do not matter here: `among` are the numbers that they leave. Raises InputError when the search
    has too many words.
    """
    asked, words = _Asked(db), _Words.of(wanted.query)
    keys, downward = asked.order(wanted.sort)
    backwards = bool(after and not before)
    downward = downward != backwards
    chosen = asked.conditions(owner, wanted)
    if among is not None:
        chosen.append(entries.c.n.in_(among))
    bound: list[ColumnElement[bool]] = []
    number: int | None = None
    if len(keys) > 1 and len(chosen) > 2 and not asked.sqlite:
        keys = [keys[0] + 0, *keys[1:]]  # in the order's own index each row would be read to filter
    keyed = [key.label(f"key_{n}") for n, key in enumerate(keys)]
    if anchor := before or after:
        anchor = storable(anchor)
        place = select(*keyed, entries.c.n.label("number"))
        found = db.execute(place.where(entries.c.id == anchor, entries.c.owner == owner)).first()
        if found is None:
            return []
        number = found.number
        bound = [_beyond(keys, found[:-1], downward=downward)]
    numbers = None
    if words.kept and asked.whole and asked.sqlite and wanted.sort in BY_NUMBER:
        numbers = asked.near(words, chosen, number, limit=limit, downward=downward)
    order = [key.desc() if downward else key.asc() for key in keys]
    held = asked.holds(words) if numbers is None else []
    if held and asked.whole and not asked.sqlite and not asked.few:
        for most in (4 * limit, AT_HAND):
            if numbers is None and limit < most <= AT_HAND:
                where = [*chosen, *bound]
                numbers = asked.first(words, where, keyed, most, limit=limit, downward=downward)
    if numbers is None:
        question = select(entries.c.n).where(*chosen, *bound, *held).order_by(*order).limit(limit)
        numbers = list(db.execute(question).scalars())
    return numbers[::-1] if backwards else numbers


def count(db: Connection, owner: str, wanted: Wanted) -> int:
    """Return how many entries are wanted."""
    asked = _Asked(db)
    chosen = [*asked.conditions(owner, wanted), *asked.holds(_Words.of(wanted.query))]
    question = select(func.count()).select_from(entries).where(*chosen)
    return int(db.execute(question).scalar_one())


def numbered(
    db: Connection, owner: str, wanted: Wanted, *, below: int, limit: int
) -> Select[str, int]:
    """Return the question for id and number of wanted entries whose number is below one.

    The largest number comes first, in whatever order they are wanted.
    """
    asked = _Asked(db)
    chosen = [*asked.conditions(owner, wanted), *asked.holds(_Words.of(wanted.query))]
    query = select(entries.c.id, entries.c.n).where(*chosen, entries.c.n < below)
    return query.order_by(entries.c.n.desc()).limit(limit)


def _beyond(keys: Sequence[Any], place: Any, *, downward: bool) -> ColumnElement[bool]:
    """Return that an entry comes after a place, by its first key and then by its second."""
    here, there = (tuple_(*keys), tuple_(*place)) if len(keys) > 1 else (keys[0], place[0])
    beyond: ColumnElement[bool] = here < there if downward else here > there
    return beyond


def numbers(db: Connection, owner: str, wanted: Wanted) -> Select[int]:
    """Return the question for the numbers of all entries that are wanted, whatever they show."""
    asked = _Asked(db)
    chosen = [*asked.conditions(owner, wanted), *asked.holds(_Words.of(wanted.query))]
    return select(entries.c.n).where(*chosen)


@dataclass(frozen=True, slots=True)
class _Words:
    """What a search asks of the words of an entry."""

    kept: Sequence[Term]
    without: Sequence[Term]

    @classmethod
    def of(cls, query: str) -> _Words:
        terms = terms_of(query)
        kept = [term for term in terms if not term.excluded]
        return cls(kept, [term for term in terms if term.excluded])

    def match(self, *, sqlite: bool) -> ColumnElement[bool]:
        """Return that words match.

        SQLite knows no words without others: then it is that they have what is excluded.
        """
        column = entry_words.c.words
        if sqlite:
            text = " AND ".join(map(in_fts5, self.kept))
            without = " OR ".join(map(in_fts5, self.without))
            text = f"({text}) NOT ({without})" if text and without else text or without
            return column.op("MATCH", is_comparison=True)(text)
        text = " & ".join(f"({in_tsquery(term)})" for term in self.kept)
        without = " | ".join(f"({in_tsquery(term)})" for term in self.without)
        without = f"!({without})" if without else ""
        text = f"({text}) & {without}" if text and without else text or without
        return column.op("@@", is_comparison=True)(cast(text, TSQUERY))


class _Asked:
    """How a database is asked: its kind, and whether all rows have their columns by now."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self.sqlite = db.dialect.name == "sqlite"
        self.few = False
        """Whether the words that were asked for last are those of a few entries."""
        rest = select(entries.c.n).where(entries.c.indexed < INDEXED).limit(1)
        self.whole = db.execute(rest).first() is None

    def order(self, sort: Sort) -> tuple[list[ColumnElement[Any]], bool]:
        """Return the keys that an order goes by, and whether it goes from large to small."""
        price: ColumnElement[Any] = func.coalesce(self.fact("price_micros"), -1)
        match sort:
            case "" | "newest":
                return [entries.c.n], True
            case "oldest":
                return [entries.c.n], False
            case "dearest":
                return [price, entries.c.n], True
            case "cheapest":
                return [price, entries.c.n], False
            case "random":
                return [self._shuffled(), entries.c.n], False
        raise TypeError(sort)

    def fact(self, name: str) -> ColumnElement[Any]:
        """Return a fact: its column, or what the facts tell where that is not filled yet."""
        column: ColumnElement[Any] = entries.c[name]
        if self.whole:
            return column
        return case((entries.c.indexed >= INDEXED, column), else_=self._told(name))

    def _told(self, name: str) -> ColumnElement[Any]:
        text = entries.c.facts
        facts: Any = type_coerce(text, JSON) if self.sqlite else cast(text, JSON)
        told: ColumnElement[Any]
        match name:
            case "sandbox" | "flagged":
                told = facts[name].as_boolean()
            case "seed" | "width" | "height":
                told = facts[name].as_integer()
            case "price_micros":
                told = func.round(facts["price_usd"].as_float() * MICROS)
            case "source":
                told = facts["params", "image", "sha256"].as_string()
            case "set_id":
                own = select(cells.c.set_id).where(cells.c.job_id == entries.c.job_id)
                told = own.limit(1).scalar_subquery()
            case _:
                told = facts[name].as_string()
        return told

    def conditions(self, owner: str, wanted: Wanted) -> list[ColumnElement[bool]]:
        """Return what must hold of an entry that is wanted."""
        chosen = [entries.c.owner == owner]
        deleted = entries.c.deleted_at
        chosen.append(deleted.is_not(None) if wanted.trash else deleted.is_(None))
        for name in ("backend", "model", "task", "set_id", "source"):
            if value := getattr(wanted, name):
                chosen.append(self.fact(name) == storable(value))
        if wanted.seed is not None:
            chosen.append(self.fact("seed") == wanted.seed)
        for name in ("flagged", "sandbox"):
            if (value := getattr(wanted, name)) is not None:
                chosen.append(self.fact(name).is_(value))
        if wanted.starred is not None:
            chosen.append(entries.c.starred.is_(wanted.starred))
        if wanted.parent:
            chosen.append(entries.c.parent == storable(wanted.parent))
        return [*chosen, *self._measures(wanted), *self._gathered(owner, wanted)]

    def _measures(self, wanted: Wanted) -> list[ColumnElement[bool]]:
        width, height = self.fact("width"), self.fact("height")
        price, made = self.fact("price_micros"), entries.c.created_at
        chosen: list[ColumnElement[bool]] = []
        match wanted.shape:
            case "square":
                chosen.append(width == height)
            case "landscape":
                chosen.append(width > height)
            case "portrait":
                chosen.append(width < height)
        if (size := wanted.min_size) is not None:
            chosen.append(or_(width >= size, height >= size))
        if (size := wanted.max_size) is not None:
            chosen.append(and_(width <= size, height <= size))
        if wanted.since is not None:
            chosen.append(made >= wanted.since)
        if wanted.until is not None:
            chosen.append(made < wanted.until)
        if wanted.min_price is not None:
            chosen.append(price >= micros(wanted.min_price))
        if wanted.max_price is not None:
            chosen.append(price <= micros(wanted.max_price))
        return chosen

    def near(
        self,
        words: _Words,
        chosen: Sequence[ColumnElement[bool]],
        place: int | None,
        *,
        limit: int,
        downward: bool,
    ) -> list[int] | None:
        """Look for the wanted among the nearest entries with the words; None where that is not all.

        SQLite's index of words goes by number, so for a usual word this ends at once.
        """
        number = entry_words.c.rowid
        found = select(number).where(words.match(sqlite=True))
        if place is not None:
            found = found.where(number < place if downward else number > place)
        order = number.desc() if downward else number.asc()
        nearest = found.order_by(order).limit(AT_HAND).subquery()
        first = entries.c.n.desc() if downward else entries.c.n.asc()
        question = select(entries.c.n).join(nearest, nearest.c.rowid == entries.c.n)
        numbers = list(
            self._db.execute(question.where(*chosen).order_by(first).limit(limit)).scalars()
        )
        if len(numbers) == limit or not self._more(found, AT_HAND - 1):
            return numbers
        return None

    def first(
        self,
        words: _Words,
        chosen: Sequence[ColumnElement[bool]],
        keys: Sequence[Label[Any]],
        most: int,
        *,
        limit: int,
        downward: bool,
    ) -> list[int] | None:
        """Look for the words in the first entries that are wanted; None where that is not all.

        PostgreSQL's index of words has no order, so what has a usual word is not gathered first.
        """
        order = [key.desc() if downward else key.asc() for key in keys]
        question = select(entries.c.n, *keys).where(*chosen).order_by(*order).limit(most)
        nearest = question.cte("nearest")
        columns = [nearest.c[key.name] for key in keys]
        # A question for each of them: joined, the words of all entries would be read.
        match = select(words.match(sqlite=False)).where(entry_words.c.rowid == nearest.c.n)
        held = select(nearest.c.n).where(match.scalar_subquery()).limit(limit)
        held = held.order_by(*(one.desc() if downward else one.asc() for one in columns))
        counted = select(func.count()).select_from(nearest).scalar_subquery()
        looked, numbers = self._db.execute(
            select(counted, func.array(held.scalar_subquery()))
        ).one()
        return list(numbers) if len(numbers) == limit or looked < most else None

    def holds(self, words: _Words) -> list[ColumnElement[bool]]:
        """Return that an entry has the words, by their index or, where it has none, its prompt."""
        if not (words.kept or words.without):
            return []
        match = words.match(sqlite=self.sqlite)
        matching = select(entry_words.c.rowid).where(match)
        number: ColumnElement[int] = entries.c.n
        if self.sqlite and self._more(matching, FEW):
            number = number + 0  # reads all facts in their order, instead of each of many by itself
        found: ColumnElement[bool] = number.in_(matching)
        if self.sqlite and not words.kept:
            found = number.not_in(matching)
        if not self.sqlite and words.kept:
            few = func.array(matching.limit(GATHERED + 1).scalar_subquery())
            numbers = self._db.execute(select(few)).scalar_one()
            self.few = len(numbers) <= GATHERED
            if self.few:
                found = number == any_(literal(numbers, ARRAY(BigInteger)))
        if self.whole:
            return [found]
        prompt = entries.c.search
        told = [prompt.contains(term.text.casefold(), autoescape=True) for term in words.kept]
        told += [~prompt.contains(term.text.casefold(), autoescape=True) for term in words.without]
        return [
            or_(and_(entries.c.indexed >= INDEXED, found), and_(entries.c.indexed < INDEXED, *told))
        ]

    def _more(self, question: Select[Any], most: int) -> bool:
        """Whether a question finds more than so many."""
        few = question.limit(most + 1).subquery()
        return int(self._db.execute(select(func.count()).select_from(few)).scalar_one()) > most

    def _gathered(self, owner: str, wanted: Wanted) -> list[ColumnElement[bool]]:
        """Return that an entry lies in the wanted collection and has the wanted tag."""
        chosen = []
        if wanted.collection:
            of_it = collected.c.collection_id == storable(wanted.collection)
            chosen.append(self._among(collected.c.entry_id, of_it))
        if wanted.tag:
            tagged = and_(tags.c.owner == owner, tags.c.tag == storable(wanted.tag))
            chosen.append(self._among(tags.c.entry_id, tagged))
        return chosen

    def _among(self, entry_id: Any, of_it: ColumnElement[bool]) -> ColumnElement[bool]:
        """Return that an entry is among those of another table; many are asked for one by one."""
        those = select(entry_id).where(of_it)
        if self._more(those, FEW):
            return those.where(entry_id == entries.c.id).exists()
        return entries.c.id.in_(those)

    def _shuffled(self) -> ColumnElement[Any]:
        """Return the place in the random order, as it will be where it is not filled yet."""
        if self.whole:
            return entries.c.shuffle
        return func.coalesce(entries.c.shuffle, shuffled(entries.c.n))
