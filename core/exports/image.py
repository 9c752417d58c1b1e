"""One image as it is handed over: in the encoding that is wished for, telling what it may tell.

Every file is read again by this program's own reader before anybody gets it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self, get_args

from core import metadata, pictures
from core.errors import HistoryError, InputError
from core.exports import names
from core.exports.profiles import PROFILES, Profile, model_named, shared
from core.history.entry import Entry
from core.jobs.job import iso
from core.pictures import Encoding, PictureError
from core.pictures.containers import ContainerError
from core.pictures.probe import examine
from core.words import english

FORMATS: tuple[Encoding, ...] = get_args(Encoding)
ENDINGS: Mapping[str, str] = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
USUAL: Mapping[Profile, str] = {
    "full": names.USUAL,
    "share": names.USUAL,
    "clean": "image-{number}",
}
"""Names of files; those of *clean* tell nothing either."""
KNOWN = tuple(
    "number date time seed prompt backend model task width height format title id".split()
)
"""What a template for names can have."""
LONGEST = 16_384
SAME = ("prompt", "seed", "backend", "task")
"""What a file that tells of itself tells as its entry does."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How images are to be handed over; `Wish.of` takes what comes from outside."""

    profile: Profile = "share"
    format: Encoding | None = None
    """None: each as it is kept."""
    quality: int = 90
    """Of JPEG and WebP, 1 to 100; a WebP of 100 loses nothing."""
    longest: int = 0
    """Most pixels of the longer side; 0 for as many as there are."""
    template: str = ""
    """For the names of files; "" for the usual one of the profile."""
    mark: bool = True
    """Whether the file says that a trained model made it; only *clean* can leave that out."""
    manifest: bool = True
    """Whether a zip has a table of what is in it."""

    @classmethod
    def of(
        cls,
        profile: Any = "share",
        format: Any = "",  # noqa: A002 the API's word
        *,
        quality: Any = 90,
        longest: Any = 0,
        template: Any = "",
        mark: Any = None,
        manifest: Any = True,
    ) -> Self:
        """Return what was wished for, or raise InputError at the field that is wrong.

        Unless it is said, *clean* has no mark; every other profile has it always.
        """
        known = next((one for one in PROFILES if one == profile), None)
        if known is None:
            raise _wrong(
                "profile", english("exports-there-no-profile", profile=str(profile)[:40]), PROFILES
            )
        kind = "jpeg" if format == "jpg" else format or None
        if kind is not None and kind not in FORMATS:
            raise _wrong(
                "format", english("exports-there-no-format", format=str(format)[:40]), FORMATS
            )
        names.check(chosen := str(template or USUAL[known]), KNOWN)
        return cls(
            known,
            kind,
            _whole("quality", english("exports-quality"), quality, 1, 100),
            _whole("longest", english("exports-longest-edge"), longest or 0, 0, LONGEST),
            chosen,
            bool(mark) or known != "clean",
            bool(manifest),
        )

    @property
    def names(self) -> str:
        """The template in force."""
        return self.template or USUAL[self.profile]

    def encoding(self, entry: Entry) -> str:
        """Return the encoding in which an entry's image is handed over."""
        return self.format or entry.format


def made(data: bytes, entry: Entry, wish: Wish) -> bytes:
    """Return the file of an entry as it is handed over; blocking work, call it in a thread.

    The pixels stay the same bytes unless another encoding or size is wished for. Raises
    HistoryError when the file is not a whole image or does not read as it was written.
    """
    try:
        _recognise(data, entry)
        told = _told(data, entry, wish)
        pixels, same = _pixels(data, wish)
        base = data if same and wish.profile == "full" else pixels
        if wish.mark or wish.profile != "clean":
            base = _marked(base)
        file = metadata.write(base, told) if told else base
        _check(file, pixels, told, wish)
        if not same:
            pictures.inspect(file)
    except (PictureError, ContainerError) as error:
        raise HistoryError(
            english("exports-file-image-damaged-so-not"),
            advice=english("exports-restore-from-backup-or-leave"),
        ) from error
    return file


def _recognise(data: bytes, entry: Entry) -> None:
    """Raise HistoryError for a file that is another image than the entry tells of."""
    inside = _recorded(data)
    other = any(name in inside and inside[name] != getattr(entry, name) for name in SAME)
    if other or examine(data).size != (entry.width, entry.height):
        raise HistoryError(
            english("exports-file-image-was-changed-since"),
            advice=english("exports-restore-from-backup-or-leave"),
        )


def _recorded(data: bytes) -> dict[str, Any]:
    reading = metadata.read(data)
    return reading.record if reading else {}


def _told(data: bytes, entry: Entry, wish: Wish) -> dict[str, Any]:
    """Return the record that the file is to hold; {} for none."""
    if wish.profile == "clean":
        return {}
    own = record(entry)
    if wish.profile == "share":
        return shared(own)
    return own | _recorded(data) | kept_by_hand(entry)


def record(entry: Entry) -> dict[str, Any]:
    """Return what the file of an entry tells of how it was made, from the history's own row."""
    plain = ("task", "backend", "model", "sandbox", "prompt", "params", "seed", "width", "height")
    facts = {name: getattr(entry, name) for name in (*plain, "request_id", "price_usd")}
    return {"v": 1, **facts, "created_at": iso(entry.created_at), "elapsed_s": entry.elapsed_s}


def kept_by_hand(entry: Entry) -> dict[str, Any]:
    """Return what a person added to an entry: title, note and star, where there are any."""
    facts = {name: getattr(entry, name) for name in ("title", "note", "starred")}
    return {name: value for name, value in facts.items() if value}


def _pixels(data: bytes, wish: Wish) -> tuple[bytes, bool]:
    """Return the image without metadata, and whether its pixels are the bytes they were."""
    header = examine(data)
    kind = header.format
    target: Encoding = wish.format or ("png" if kind == "avif" else kind)
    large = bool(wish.longest) and max(header.size) > wish.longest
    # Without its EXIF a file no longer says which side is up.
    turned = header.orientation != 1 and wish.profile != "full"
    if target == kind and not large and not turned:
        return metadata.strip(data), True
    return pictures.converted(data, target, quality=wish.quality, longest=wish.longest), False


def _marked(data: bytes) -> bytes:
    try:
        return metadata.mark(data)
    except ContainerError:  # other programs' XMP leaves no room: it gives way
        return metadata.mark(metadata.strip(data))


def _check(file: bytes, pixels: bytes, told: Mapping[str, Any], wish: Wish) -> None:
    """Read a file as a stranger would; raise HistoryError where it tells more, less or else."""
    well = _recorded(file) == json.loads(json.dumps(told)) and metadata.strip(file) == pixels
    if wish.profile != "full":
        bare = metadata.strip(file)
        bare = metadata.mark(bare) if wish.mark else bare
        well = well and file == (metadata.write(bare, told) if told else bare)
    if wish.profile != "clean" or wish.mark:
        well = well and metadata.marked(file)
    if not well:
        raise HistoryError(
            english("exports-exported-file-does-not-read"),
            advice=english("exports-tell-whoever-looks-after-playground"),
        )


def facts(entry: Entry, number: int) -> dict[str, Any]:
    """Return what a template for names can have of an entry; `number` is its place, from 1."""
    at = datetime.fromtimestamp(entry.created_at, UTC)
    return {
        "number": f"{number:04d}",
        "date": f"{at:%Y-%m-%d}",
        "time": f"{at:%H%M%S}",
        "model": model_named(entry.model).replace("/", "-"),
        "title": entry.title,
        **{
            name: getattr(entry, name)
            for name in ("seed", "prompt", "backend", "task", "width", "height", "format", "id")
        },
    }


def line(entry: Entry, name: str, wish: Wish) -> dict[str, Any]:
    """Return an image's line in the manifest, which tells no more than its file."""
    if wish.profile == "clean":
        return {"file": name}
    if wish.profile == "share":
        told = shared(record(entry))
        params = told.pop("params")
        del told["v"]
        return {"file": name} | told | {k: v for k, v in params.items() if k not in told}
    added = {name: getattr(entry, name) for name in ("title", "note", "starred")}
    facts = entry.as_dict() | added
    del facts["thumbnail"]
    return {"file": name} | facts | {"file": name}


def caption(entry: Entry, number: int, wish: Wish) -> tuple[str, str]:
    """Return two lines about an image for a contact sheet, which tell no more than its file."""
    if wish.profile == "clean":
        return f"{number}", ""
    size = f"{entry.width}x{entry.height}"
    told = [f"seed {entry.seed}", size, model_named(entry.model)]
    if wish.profile == "full":
        told += [f"{datetime.fromtimestamp(entry.created_at, UTC):%Y-%m-%d}"]
        told += ["" if entry.price_usd is None else f"${entry.price_usd:g}"]
    first = entry.title if wish.profile == "full" else ""
    return first or entry.prompt, " · ".join(filter(None, told))


def _wrong(field: str, said: str, known: tuple[str, ...]) -> InputError:
    return InputError(
        said, field=field, advice=english("exports-choose-one", known=", ".join(known))
    )


def _whole(field: str, label: str, value: Any, least: int, most: int) -> int:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not least <= value <= most or value != int(value):
        raise InputError(
            english("value-whole", title=label, low=least, high=f"{most:,}"),
            field=field,
            advice=english("exports-change"),
        )
    return int(value)
