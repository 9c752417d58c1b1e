"""Tokens by which the scripts of signed-in users are known: one live token a user, kept as digest.

All are in memory too, so that whoever asks at the entrance of a request never waits or fails.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time

from sqlalchemy import Connection, delete, insert, select

from core.storage.database import Database
from core.storage.tables import tokens


class Tokens:
    """Issues tokens and says whose they are."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._owners: dict[str, str] = {}
        self._renewing = asyncio.Lock()

    async def load(self) -> None:
        """Read which tokens there are; before that no token is anybody's."""
        query = select(tokens.c.digest, tokens.c.owner)
        found = await self._database.run(lambda db: db.execute(query).all())
        self._owners = {str(digest): str(owner) for digest, owner in found}

    def owner(self, token: str) -> str:
        """Return whose token this is; "" if it is no user's."""
        return self._owners.get(_digest(token), "")

    def issued(self, owner: str) -> bool:
        """Whether there is a token that leads to this owner."""
        return owner in self._owners.values()

    async def renew(self, owner: str) -> str:
        """Return a new token of an owner, which is not kept; an earlier one opens nothing more."""
        token = secrets.token_hex(16)
        row = {"digest": _digest(token), "owner": owner, "created_at": time.time()}

        def work(db: Connection) -> None:
            db.execute(delete(tokens).where(tokens.c.owner == owner))
            db.execute(insert(tokens).values(row))

        async with self._renewing:
            await self._database.run(work)
            others = {digest: one for digest, one in self._owners.items() if one != owner}
            self._owners = others | {_digest(token): owner}
        return token


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
