"""Links by which others may look at an image or a set: each by the digest of its secret.

A link can be revoked, and shows nothing from then on. Its secret is written nowhere: it follows
from what the link shows, when it was made, and a secret of this installation, so that its owner can
be told the link again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, Connection, RowMapping, func, insert, select, update

from core.errors import OverLimitError
from core.jobs.job import iso
from core.storage.database import Database
from core.storage.tables import cells, entries, shares
from core.words import english

SharedKind = Literal["image", "set"]
ID = 24
"""Letters of a digest by which a list names a link."""
MOST = 1_000
"""Links of one owner that are open at once."""


@dataclass(frozen=True, slots=True)
class Share:
    """A link: what it shows, whose that is, and until when it did. Times are Unix seconds."""

    id: str
    """Names the link in a list; it opens nothing."""
    owner: str
    kind: SharedKind
    target_id: str
    created_at: float
    revoked_at: float | None = None
    digest: str = ""

    def as_dict(self) -> dict[str, object]:
        """Return the link as a list shows it."""
        facts = {"id": self.id, "kind": self.kind, "target": self.target_id}
        return {**facts, "created_at": iso(self.created_at)}


class Shares:
    """Makes links, finds what they show, and revokes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, kind: SharedKind, target_id: str, *, owner: str, key: str) -> str:
        """Make a link and return its secret, which follows from the installation's own `key`.

        Raises OverLimitError when the owner has too many.
        """
        row = {"owner": owner, "kind": kind, "target_id": target_id}
        open_ones = select(func.count()).where(_open(owner))

        def work(db: Connection) -> str:
            if db.execute(open_ones).scalar_one() >= MOST:
                raise OverLimitError(
                    english("history-you-have-links-are-open", most=f"{MOST:,}"),
                    advice=english("history-revoke-some-them-try-again"),
                )
            now = time.time()
            while True:  # two links are never the same one, however quickly they are made
                secret = _secret(key, kind, target_id, now)
                same = select(shares.c.n).where(shares.c.digest == _digest(secret))
                if db.execute(same).first() is None:
                    break
                now = math.nextafter(now, math.inf)
            db.execute(insert(shares).values(**row, digest=_digest(secret), created_at=now))
            return secret

        return await self._database.run(work)

    async def find(self, secret: str) -> Share | None:
        """Return the link of a secret, also one that was revoked; None when there is none."""
        query = select(shares).where(shares.c.digest == _digest(secret[:200]))
        row = await self._database.run(lambda db: db.execute(query).mappings().first())
        return _share(row) if row else None

    async def list(
        self, owner: str, *, kind: SharedKind | None = None, target_id: str = ""
    ) -> Sequence[Share]:
        """Return an owner's open links, newest first; with `target_id` those to one thing."""
        query = select(shares).where(_open(owner)).order_by(shares.c.n.desc())
        if kind:
            query = query.where(shares.c.kind == kind, shares.c.target_id == target_id)
        return await self._database.run(
            lambda db: [_share(row) for row in db.execute(query).mappings()]
        )

    async def revoke(
        self, owner: str, *, share_id: str = "", kind: SharedKind = "image", target_id: str = ""
    ) -> int:
        """Close one link of an owner, or all to one thing; return how many it closed."""
        if share_id:
            which = func.substr(shares.c.digest, 1, ID) == share_id
        else:
            which = (shares.c.kind == kind) & (shares.c.target_id == target_id)
        return await self._close(_open(owner) & which)

    async def revoke_all(self, owner: str) -> int:
        """Close all links of an owner; return how many it closed."""
        return await self._close(_open(owner))

    async def _close(self, which: ColumnElement[bool]) -> int:
        change = update(shares).where(which).values(revoked_at=time.time())
        return await self._database.run(lambda db: int(db.execute(change).rowcount))

    async def in_set(self, set_id: str, entry_id: str, *, owner: str) -> bool:
        """Whether an image of an owner fills a place of a set."""
        query = (
            select(entries.c.n)
            .join(cells, cells.c.job_id == entries.c.job_id)
            .where(cells.c.set_id == set_id, entries.c.id == entry_id, entries.c.owner == owner)
        )
        return await self._database.run(lambda db: db.execute(query).first() is not None)


def _open(owner: str) -> ColumnElement[bool]:
    return (shares.c.owner == owner) & shares.c.revoked_at.is_(None)


def _share(row: RowMapping) -> Share:
    plain = ("owner", "kind", "target_id", "created_at", "revoked_at", "digest")
    return Share(id=row["digest"][:ID], **{name: row[name] for name in plain})


def secret_of(share: Share, key: str) -> str:
    """Return the secret of a link again; "" where it did not follow from a key yet."""
    secret = _secret(key, share.kind, share.target_id, share.created_at)
    return secret if hmac.compare_digest(_digest(secret), share.digest) else ""


def _secret(key: str, kind: str, target_id: str, made_at: float) -> str:
    told = f"{kind}\n{target_id}\n{made_at!r}".encode()
    drawn = hmac.new(key.encode(), told, hashlib.sha256).digest()[:24]
    return base64.urlsafe_b64encode(drawn).decode()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
