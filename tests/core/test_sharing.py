"""A link shows an image or a set to whoever has it, until it is revoked; nothing else, ever."""

from __future__ import annotations

import hashlib
import io
import zlib

import pytest
from PIL import Image
from sqlalchemy import update

from core import metadata
from core.errors import InputError, NotReadyError, OverLimitError
from core.exports.image import Wish
from core.history import Wanted, shares
from core.jobs.set_jobs import Wish as SetWish
from core.sharing import PREVIEW, WHOLE, Shared
from core.storage.tables import shares as table
from core.studio import Studio
from tests.conftest import Studios
from tests.core.test_exporting import make
from tests.fakes import FakeBackend

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def opened(studios: Studios) -> Studio:
    return await studios.open(FakeBackend(), sharing=True)


async def made_set(studio: Studio, owner: str) -> str:
    base = {"prompt": "a boat", "width": 32, "height": 32}
    axes = [{"field": "seed", "values": [1, 2, 3]}]
    wish = SetWish("text-to-image", base, axes, [{"backend": "fake"}], None, "Three boats")
    found = await studio.submit_set(wish, owner=owner)
    for job in found.jobs:
        await studio.result(job.id, owner=owner)
    return found.id


async def test_an_image_is_shown_to_whoever_has_the_link(studios: Studios) -> None:
    studio = await opened(studios)
    [one, other] = await make(studio, "ann", "a fox", "a boat")
    secret = await studio.share("image", one.id, owner="ann")
    found = await studio.shared(secret)
    assert isinstance(found, Shared)
    assert (found.title, [entry.id for _, entry in found.images]) == ("a fox", [one.id])
    name, data = await studio.shared_image(secret, one.id, WHOLE)  # type: ignore[misc]
    reading = metadata.read(data)
    assert reading is not None and reading.record["prompt"] == "a fox"
    assert not {"request_id", "price_usd", "owner"} & reading.record.keys()
    assert name.endswith(".png")
    preview = await studio.shared_image(secret, one.id, PREVIEW)
    assert Image.open(io.BytesIO(preview[1])).format == "JPEG"  # type: ignore[arg-type]
    assert await studio.shared_image(secret, other.id, WHOLE) == "unknown"
    assert await studio.shared_thumbnail(secret, other.id) == "unknown"


async def test_a_set_is_shown_with_where_each_image_stands(studios: Studios) -> None:
    studio = await opened(studios)
    set_id = await made_set(studio, "ann")
    [stranger] = [one for one in await make(studio, "ann", "alone") if one.prompt == "alone"]
    secret = await studio.share("set", set_id, owner="ann")
    found = await studio.shared(secret)
    assert isinstance(found, Shared) and found.title == "Three boats"
    assert len(found.images) == 3 and all(place for place, _ in found.images)
    entry = found.images[1][1]
    assert isinstance(await studio.shared_thumbnail(secret, entry.id), bytes)
    assert await studio.shared_image(secret, stranger.id, WHOLE) == "unknown"
    await studio.delete(entry.id, owner="ann")
    left = await studio.shared(secret)
    assert isinstance(left, Shared) and len(left.images) == 2
    assert await studio.shared_image(secret, entry.id, WHOLE) == "deleted"
    await studio.delete_set(set_id, owner="ann")
    assert await studio.shared(secret) == "deleted"


async def test_a_revoked_link_shows_nothing_from_then_on(studios: Studios) -> None:
    studio = await opened(studios)
    [one] = await make(studio, "ann", "a fox")
    first = await studio.share("image", one.id, owner="ann")
    second = await studio.share("image", one.id, owner="ann")
    newest, oldest = await studio.shares("ann")
    await studio.revoke_share(newest.id, owner="ann")
    assert await studio.shared(second) == "revoked"
    assert await studio.shared_image(second, one.id, WHOLE) == "revoked"
    assert isinstance(await studio.shared(first), Shared)
    assert await studio.shares("ann") == [oldest]
    with pytest.raises(InputError):
        await studio.revoke_share(newest.id, owner="ann")
    assert await studio.revoke_shares_of("image", one.id, owner="ann") == 1
    assert await studio.shared(first) == "revoked"


async def test_deleting_what_is_shown_closes_the_link_and_restoring_opens_it(
    studios: Studios,
) -> None:
    studio = await opened(studios)
    [one] = await make(studio, "ann", "a fox")
    secret = await studio.share("image", one.id, owner="ann")
    await studio.delete(one.id, owner="ann")
    assert await studio.shared(secret) == "deleted"
    await studio.restore(one.id, owner="ann")
    assert isinstance(await studio.shared(secret), Shared)


async def test_nobody_shares_or_revokes_what_is_anothers(studios: Studios) -> None:
    studio = await opened(studios)
    [one] = await make(studio, "ann", "a fox")
    set_id = await made_set(studio, "ann")
    secret = await studio.share("image", one.id, owner="ann")
    [link] = await studio.shares("ann")
    for kind, target in (("image", one.id), ("set", set_id), ("image", "never"), ("file", one.id)):
        with pytest.raises(InputError):
            await studio.share(kind, target, owner="bob")
    for share_id in (link.id, "", "%", link.id[:3]):
        with pytest.raises(InputError):
            await studio.revoke_share(share_id, owner="bob")
    assert await studio.revoke_shares_of("image", one.id, owner="bob") == 0
    for share_id in ("", "%", "_" * 24, link.id[:-1]):
        with pytest.raises(InputError):
            await studio.revoke_share(share_id, owner="ann")
    assert await studio.shares("bob") == []
    assert isinstance(await studio.shared(secret), Shared)


async def test_the_secret_is_written_nowhere(studios: Studios) -> None:
    """Nor does a changed one open anything."""
    studio = await opened(studios)
    [one] = await make(studio, "ann", "a fox")
    secret = await studio.share("image", one.id, owner="ann")
    kept = b"".join(path.read_bytes() for path in studios.folder.glob("playground.db*"))
    assert secret.encode() not in kept and zlib.crc32(kept)
    assert await studio.shared(secret.swapcase()) == "unknown"
    assert await studio.shared("") == "unknown" and await studio.shared("\ud800" * 9) == "unknown"


async def test_an_owner_sees_all_open_links_and_is_told_them_again(studios: Studios) -> None:
    """Of images and sets, newest first; what shows nothing is there to be revoked."""
    studio = await opened(studios)
    one, other = await make(studio, "ann", "a fox", "a boat")
    set_id = await made_set(studio, "ann")
    made = [
        await studio.share("image", one.id, owner="ann"),
        await studio.share("image", one.id, owner="ann"),
        await studio.share("set", set_id, owner="ann"),
        await studio.share("image", other.id, owner="ann"),
    ]
    await studio.delete(other.id, owner="ann")
    links = await studio.links("ann")
    assert [link.secret for link in links] == made[::-1]
    assert [link.title for link in links] == ["", "Three boats", "a fox", "a fox"]
    first, second = sorted(
        await studio.entries("ann", wanted=Wanted(set_id=set_id)), key=lambda one: one.seed
    )[:2]
    shown = [link.entry.id if link.entry else None for link in links]
    assert shown == [None, first.id, one.id, one.id]
    assert len({link.share.id for link in links}) == 4
    assert await studio.links("bob") == ()
    await studio.delete(first.id, owner="ann")
    shown = [link.entry.id if link.entry else None for link in await studio.links("ann")]
    assert shown == [None, second.id, one.id, one.id]
    await studio.delete_set(set_id, owner="ann")
    assert [link.entry is None for link in await studio.links("ann")] == [True, True, False, False]
    assert await studio.revoke_all_shares("bob") == 0
    assert await studio.revoke_all_shares("ann") == 4
    assert [await studio.shared(secret) for secret in made] == ["revoked"] * 4
    assert await studio.links("ann") == ()


async def test_a_link_of_an_earlier_version_cannot_be_told_again(studios: Studios) -> None:
    """Its secret was drawn at random: it still opens, is listed, and can be revoked."""
    studio = await opened(studios)
    [one] = await make(studio, "ann", "a fox")
    await studio.share("image", one.id, owner="ann")
    old = update(table).values(digest=hashlib.sha256(b"drawn").hexdigest())
    await studio.ledger.database.run(lambda db: db.execute(old))
    [link] = await studio.links("ann")
    assert (link.secret, link.title) == ("", "a fox")
    assert isinstance(await studio.shared("drawn"), Shared)
    await studio.revoke_share(link.share.id, owner="ann")
    assert await studio.shared("drawn") == "revoked"


async def test_links_of_one_instant_are_different(
    studios: Studios, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or to revoke one would close the other."""
    studio = await opened(studios)
    [one] = await make(studio, "ann", "a fox")
    monkeypatch.setattr(shares.time, "time", lambda: 1_800_000_000.0)
    made = {await studio.share("image", one.id, owner="ann") for _ in range(3)}
    assert {link.secret for link in await studio.links("ann")} == made
    assert len(made) == 3


async def test_links_are_off_unless_they_are_switched_on(studios: Studios) -> None:
    """Also those that were made before; switched on again, they show what they did."""
    studio = await opened(studios)
    [one] = await make(studio, "ann", "a fox")
    secret = await studio.share("image", one.id, owner="ann")
    closed = await studios.open(FakeBackend())
    assert not closed.is_sharing() and studio.is_sharing()
    assert await closed.shared(secret) == "off"
    assert await closed.shared_image(secret, one.id, Wish()) == "off"
    assert await closed.shares("ann") == ()
    with pytest.raises(NotReadyError, match="switched off"):
        await closed.share("image", one.id, owner="ann")
    assert isinstance(await studio.shared(secret), Shared)


async def test_an_owner_has_a_number_of_open_links(
    studios: Studios, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "MOST", 2)
    studio = await opened(studios)
    [one] = await make(studio, "ann", "a fox")
    for _ in range(2):
        await studio.share("image", one.id, owner="ann")
    with pytest.raises(OverLimitError):
        await studio.share("image", one.id, owner="ann")
    await studio.revoke_shares_of("image", one.id, owner="ann")
    assert await studio.share("image", one.id, owner="ann")
