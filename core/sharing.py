"""Shows an image or a set to others by a link: read-only, revocable, and switched off at first.

What a link shows is in the *share* profile: prompt and settings, and nothing private.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.errors import InputError, NotReadyError
from core.exports.image import Wish
from core.history import Entry, History
from core.history.shares import Share, SharedKind, Shares, secret_of
from core.jobs.job import Job
from core.jobs.sets import JobSet
from core.words import english

PREVIEW = Wish("clean", "jpeg", quality=80, longest=1200, mark=True)
"""What messengers show beside a link: small enough for all of them."""
WHOLE = Wish("share")
LOOKED_AT = 20
"""Images of a set that are asked for at once, to find the first that is still there."""
Gone = Literal["off", "unknown", "revoked", "deleted"]
"""Why a link shows nothing."""
KINDS: tuple[SharedKind, ...] = ("image", "set")


@dataclass(frozen=True, slots=True)
class Shared:
    """What a link shows."""

    share: Share
    title: str
    images: Sequence[tuple[str, Entry]]
    """Each with where it stands in a set: row and column, or "" for an image by itself."""


@dataclass(frozen=True, slots=True)
class Link:
    """An open link as its owner sees it in a list."""

    share: Share
    title: str
    entry: Entry | None
    """The image, or the first of the set; None while there is nothing left to show."""
    secret: str
    """"" of a link that an earlier version made, which nobody can be told again."""


class Sharing(ABC):
    """What the studio does with links to look at."""

    history: History

    def __init__(self, shares: Shares | None) -> None:
        self._links = shares

    @abstractmethod
    async def set(self, set_id: str, *, owner: str | None = None) -> JobSet:
        """Return a set."""

    @abstractmethod
    async def export_one(self, entry_id: str, wish: Wish, *, owner: str) -> tuple[str, bytes]:
        """Return one image as it is handed over."""

    def is_sharing(self) -> bool:
        """Whether links to look at are switched on."""
        return self._links is not None

    async def share(self, kind: str, target_id: str, *, owner: str) -> str:
        """Make a link to an owner's image or set and return its secret.

        Its page is `/s/` and the secret. Raises NotReadyError where links are switched off,
        InputError when the owner has no such image or set, OverLimitError for too many links.
        """
        shares = self._shares()
        if kind == "image":
            await self.history.get(target_id, owner=owner)
            return await shares.create("image", target_id, owner=owner, key=await self._key())
        if kind == "set":
            await self.set(target_id, owner=owner)
            return await shares.create("set", target_id, owner=owner, key=await self._key())
        raise InputError(
            english("studio-link-cannot-show", kind=kind[:40]),
            field="kind",
            advice="Choose one of: " + ", ".join(KINDS) + ".",
        )

    async def shares(
        self, owner: str, *, kind: SharedKind | None = None, target_id: str = ""
    ) -> Sequence[Share]:
        """Return an owner's open links, newest first: all, or those to one image or set."""
        if self._links is None:
            return ()
        return await self._links.list(owner, kind=kind, target_id=target_id)

    async def links(self, owner: str) -> Sequence[Link]:
        """Return an owner's open links with what each shows, newest first."""
        shares = await self.shares(owner)
        if not shares:
            return ()
        key = await self._key()
        images = await self.history.some([one.target_id for one in shares if one.kind == "image"])
        sets = {
            one: await self._first_of_set(one, owner)
            for one in {one.target_id for one in shares if one.kind == "set"}
        }
        found = []
        for share in shares:
            if share.kind == "set":
                title, entry = sets[share.target_id]
            else:
                entry = images.get(share.target_id)
                entry = entry if entry and entry.owner == owner else None
                title = _title(entry) if entry else ""
            found.append(Link(share, title, entry, secret_of(share, key)))
        return found

    async def _first_of_set(self, set_id: str, owner: str) -> tuple[str, Entry | None]:
        try:
            found = await self.set(set_id, owner=owner)
        except InputError:
            return "", None
        names = [cell.job.entry_id for cell in found.cells if cell.job.entry_id]
        for start in range(0, len(names), LOOKED_AT):
            some = names[start : start + LOOKED_AT]
            if here := await self.history.named(owner, some):
                return found.title, here[0]
        return found.title, None

    async def revoke_share(self, share_id: str, *, owner: str) -> None:
        """Close a link by its id; raises InputError when the owner has no such open link."""
        if not share_id or not await self._shares().revoke(owner, share_id=share_id):
            raise InputError(
                english("studio-there-no-such-link"),
                field="id",
                advice=english("studio-may-have-been-revoked-already"),
            )

    async def revoke_shares_of(self, kind: SharedKind, target_id: str, *, owner: str) -> int:
        """Close all links to one image or set and return how many there were."""
        return await self._shares().revoke(owner, kind=kind, target_id=target_id)

    async def revoke_all_shares(self, owner: str) -> int:
        """Close all of an owner's links and return how many there were."""
        return await self._shares().revoke_all(owner)

    async def shared(self, secret: str) -> Shared | Gone:
        """Return what a link shows, or why it shows nothing."""
        share = await self._found(secret)
        if not isinstance(share, Share):
            return share
        try:
            found = (
                await self._of_set(share) if share.kind == "set" else await self._of_image(share)
            )
        except InputError:
            return "deleted"
        return found if found.images else "deleted"

    async def shared_image(
        self, secret: str, entry_id: str, wish: Wish
    ) -> tuple[str, bytes] | Gone:
        """Return an image that a link shows, as its file's name and its file."""
        entry = await self._entry_of(secret, entry_id)
        if not isinstance(entry, Entry):
            return entry
        return await self.export_one(entry.id, wish, owner=entry.owner)

    async def shared_thumbnail(self, secret: str, entry_id: str) -> bytes | Gone:
        """Return the small WebP of an image that a link shows."""
        entry = await self._entry_of(secret, entry_id)
        if not isinstance(entry, Entry):
            return entry
        return await self.history.storage.read(entry.thumbnail)

    async def _entry_of(self, secret: str, entry_id: str) -> Entry | Gone:
        share = await self._found(secret)
        if not isinstance(share, Share):
            return share
        if share.kind == "image" and share.target_id != entry_id:
            return "unknown"
        if share.kind == "set" and not await self._shares().in_set(
            share.target_id, entry_id, owner=share.owner
        ):
            return "unknown"
        try:
            return await self.history.get(entry_id, owner=share.owner)
        except InputError:
            return "deleted"

    async def _found(self, secret: str) -> Share | Gone:
        if self._links is None:
            return "off"
        share = await self._links.find(secret)
        if share is None:
            return "unknown"
        return share if share.revoked_at is None else "revoked"

    async def _of_image(self, share: Share) -> Shared:
        entry = await self.history.get(share.target_id, owner=share.owner)
        return Shared(share, _title(entry), [("", entry)])

    async def _of_set(self, share: Share) -> Shared:
        found = await self.set(share.target_id, owner=share.owner)
        filled: list[tuple[str, Job]] = []
        for cell in found.cells:
            places = (found.pages[cell.page], found.rows[cell.row], found.columns[cell.column])
            filled.append((" · ".join(filter(None, places)), cell.job))
        names = [job.entry_id for _, job in filled if job.entry_id]
        entries = await self.history.some(names)
        shown = [
            (place, entries[job.entry_id])
            for place, job in filled
            if job.entry_id in entries and entries[job.entry_id].owner == share.owner
        ]
        return Shared(share, found.title, shown)

    async def _key(self) -> str:
        return await self.history.secret("share")

    def _shares(self) -> Shares:
        if self._links is None:
            raise NotReadyError(
                english("studio-links-look-at-are-switched"),
                advice=english("studio-whoever-runs-playground-can-switch"),
            )
        return self._links


def _title(entry: Entry) -> str:
    return entry.title or _short(entry.prompt)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 70 else line[:69].rstrip() + "…"
