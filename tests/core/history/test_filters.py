"""Saved filters: kept by name, one owner's apart from another's."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import InputError
from core.history import ALL, Wanted
from core.history.filters import MOST, Filters, read
from core.storage.database import Database
from tests.conftest import Studios

pytestmark = pytest.mark.anyio

MINE = Wanted(query="red hills", backend="fal", since=5.5, starred=True, sort="random")


async def opened(folder: Path) -> Filters:
    database = Database(f"sqlite:///{folder / 'h.db'}")
    await database.migrate()
    return Filters(database)


async def test_a_filter_is_kept_and_replaced_by_its_name(tmp_path: Path) -> None:
    """In order of names; what is saved comes back as it was."""
    filters = await opened(tmp_path)
    first = await filters.save("  red \n hills ", MINE, owner="ann")
    await filters.save("Blue", ALL, owner="ann")
    assert [one.title for one in await filters.list("ann")] == ["Blue", "red hills"]
    assert (await filters.list("ann"))[1] == first
    again = await filters.save("red hills", Wanted(seed=5), owner="ann")
    assert (again.id, (await filters.list("ann"))[1].wanted) == (first.id, Wanted(seed=5))
    await filters.delete(first.id, owner="ann")
    assert [one.title for one in await filters.list("ann")] == ["Blue"]


async def test_owners_never_meet(tmp_path: Path) -> None:
    """Another owner's filter is neither listed nor deleted."""
    filters = await opened(tmp_path)
    made = await filters.save("red", MINE, owner="ann")
    assert await filters.list("bob") == []
    with pytest.raises(InputError, match="no such filter"):
        await filters.delete(made.id, owner="bob")
    assert len(await filters.list("ann")) == 1


async def test_a_name_is_needed_and_there_is_an_end(tmp_path: Path) -> None:
    """A sentence for each."""
    filters = await opened(tmp_path)
    for title, said in {" ": "needs a name", "x" * 101: "longer than 100"}.items():
        with pytest.raises(InputError, match=said):
            await filters.save(title, ALL, owner="ann")
    for n in range(MOST):
        await filters.save(f"f{n}", ALL, owner="ann")
    with pytest.raises(InputError, match="100 saved filters"):
        await filters.save("one more", ALL, owner="ann")
    await filters.save("f1", MINE, owner="ann")


def test_what_a_later_version_saved_is_read_as_far_as_it_is_known() -> None:
    """An unknown fact or value is left out, and the rest stays."""
    assert read({"query": "a", "mood": "sad", "sort": "by mood", "seed": 3}) == Wanted("a", seed=3)


async def test_filters_are_handed_over_with_all_else(studios: Studios) -> None:
    """Whoever signs in keeps what the browser saved."""
    studio = await studios.open()
    await studio.save_filter("red", MINE, owner="browser:a")
    await studio.hand_over("browser:a", "user:ann")
    assert [one.wanted for one in await studio.filters("user:ann")] == [MINE]
    assert await studio.filters("browser:a") == []
