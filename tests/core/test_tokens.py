"""A user's token for scripts: one at a time, of which only a digest is kept."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.errors import HistoryError
from core.storage.database import Database
from core.tokens import Tokens

pytestmark = pytest.mark.anyio


async def opened(folder: Path) -> Tokens:
    database = Database(f"sqlite:///{folder / 'playground.db'}")
    await database.migrate()
    tokens = Tokens(database)
    await tokens.load()
    return tokens


async def test_a_token_leads_to_its_owner_also_after_a_restart(tmp_path: Path) -> None:
    """And a new one takes the place of the old one, of that owner alone."""
    tokens = await opened(tmp_path)
    assert not tokens.issued("user:hf:1")
    old, other = await tokens.renew("user:hf:1"), await tokens.renew("user:hf:2")
    assert tokens.owner(old) == "user:hf:1"
    new = await tokens.renew("user:hf:1")
    for seen in (tokens, await opened(tmp_path)):
        found = [seen.owner(one) for one in (old, new, other, "", "0" * 32)]
        assert found == ["", "user:hf:1", "user:hf:2", "", ""]
        assert seen.issued("user:hf:1")
        assert not seen.issued("user:hf:3")


async def test_the_token_itself_is_not_kept(tmp_path: Path) -> None:
    """Whoever reads the database cannot act as its users."""
    token = await (await opened(tmp_path)).renew("user:hf:1")
    assert not any(token.encode() in file.read_bytes() for file in tmp_path.iterdir())


async def test_two_clicks_leave_one_token(tmp_path: Path) -> None:
    """The last one."""
    tokens = await opened(tmp_path)
    made = await asyncio.gather(*(tokens.renew("user:hf:1") for _ in range(5)))
    assert [tokens.owner(one) for one in made] == ["", "", "", "", "user:hf:1"]
    again = await opened(tmp_path)
    assert [again.owner(one) for one in made] == ["", "", "", "", "user:hf:1"]


async def test_a_token_that_could_not_be_written_down_is_none(tmp_path: Path) -> None:
    """The earlier one stays good."""
    database = Database(f"sqlite:///{tmp_path / 'playground.db'}")
    await database.migrate()
    tokens = Tokens(database)
    old = await tokens.renew("user:hf:1")
    await database.run(lambda db: db.exec_driver_sql("PRAGMA query_only=1"))
    with pytest.raises(HistoryError):
        await tokens.renew("user:hf:1")
    assert tokens.owner(old) == "user:hf:1"
