"""An entry of the history: a finished image, and how it lies in its row."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from pydantic import ValidationError
from sqlalchemy import RowMapping

from core.jobs.job import iso
from core.params import Task
from core.pictures import Picture

INPUT = re.compile(r"inputs/[0-9a-f]{2}/[0-9a-f]{64}\.(png|jpeg)")


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished image; `file` and `thumbnail` are names in the storage."""

    id: str
    job_id: str
    owner: str
    created_at: float
    task: Task
    backend: str
    model: str
    sandbox: bool
    prompt: str
    params: dict[str, Any]
    sent: dict[str, Any]
    seed: int
    width: int
    height: int
    format: str
    elapsed_s: float
    price_usd: float | None
    """None when nobody knew it."""
    request_id: str | None
    flagged: bool
    file: str
    thumbnail: str
    starred: bool = False
    title: str = ""
    note: str = ""
    parent: str | None = None
    """The entry that the image it began with was."""
    set_id: str | None = None
    deleted_at: float | None = None
    """Since when it is in the trash, in Unix seconds."""

    def as_dict(self) -> dict[str, Any]:
        """Return the entry dict of the named API, files still by their storage names."""
        facts = asdict(self)
        for name in PRIVATE:
            del facts[name]
        return facts | {"created_at": iso(self.created_at)}


OWN = (
    *("id", "job_id", "owner", "created_at", "elapsed_s", "starred"),
    *("title", "note", "parent", "set_id", "deleted_at"),
)
"""What an entry has in columns alone; the rest is JSON in `facts`, some of it in columns too."""
PRIVATE = frozenset({*OWN} - {"id", "created_at", "elapsed_s"})
"""What the entry dict of the named API leaves out."""


def facts_of(entry: Entry) -> str:
    """Return all of an entry that has no column alone, as JSON."""
    told = {one.name: getattr(entry, one.name) for one in fields(entry) if one.name not in OWN}
    return json.dumps(told, ensure_ascii=False)


def entry_of(row: RowMapping) -> Entry:
    """Return the entry that a row keeps."""
    return Entry(**{name: row[name] for name in OWN}, **json.loads(row["facts"]))


def input_name(picture: Picture) -> str:
    """Name an image to start from by its content, so that the same one is kept once."""
    suffix = picture.media_type.rpartition("/")[2]
    return f"inputs/{picture.sha256[:2]}/{picture.sha256}.{suffix}"


def source_in(params: Mapping[str, Any]) -> Picture | None:
    """Return the image that params began with, where it is told as this program writes it.

    An entry may come from a file's metadata, which anybody can write.
    """
    try:
        picture = Picture(**params["image"])
    except (KeyError, TypeError, ValidationError):
        return None
    return picture if INPUT.fullmatch(input_name(picture)) else None
