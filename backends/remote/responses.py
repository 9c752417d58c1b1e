"""What a service answered, read safely: its body, its words, and when to come back."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST_WAIT_S = 3_600.0
DEEPEST = 5
"""Levels of an error body in which its sentence is looked for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered: the status, the parsed JSON or None, and when to come back."""

    status: int
    body: Any
    retry_after: float | None = None

    @property
    def text(self) -> str:
        """The service's own words, made safe to show."""
        return clip(_words(self.body))


def parse(data: bytes) -> Any:
    """Return the JSON in `data`, or None when it is none."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a Retry-After header asks for, given as seconds or as a date."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - datetime.now(UTC)).total_seconds()
    return None if math.isnan(seconds) else min(max(seconds, 0.0), LONGEST_WAIT_S)


def _words(body: Any, depth: int = 0) -> str:
    """Find the sentence in an error body of any of the known shapes."""
    if isinstance(body, str):
        return body
    if isinstance(body, list):  # one finding a field, as FastAPI writes them
        return "; ".join(filter(None, (_words(one, depth + 1) for one in body[:3])))
    if not isinstance(body, dict) or depth >= DEEPEST:
        return ""
    for name in ("error", "message", "detail", "msg"):
        if found := _words(body.get(name), depth + 1):
            return found
    return _words(body.get("data"), depth + 1)


def whole(value: Any) -> int:
    """Return a whole number however it is written; 0 for what is none, or none of ours."""
    text = str(value).partition(".")[0]
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def clip(text: str, most: int = 200) -> str:
    """Make a service's text safe to show: no markup, no control characters, not too long."""
    plain = re.sub(r"(?is)<(script|style)\b.*?(</\1\s*>|$)", " ", text[: most * 20])
    plain = re.sub(r"<[^<>]*>", " ", plain)
    plain = "".join(c if c.isprintable() else " " for c in plain)
    plain = re.sub(r"(?i)bearer\s+\S+|\b(sk|key|wsk)[-_][\w-]{8,}", "[key]", plain)
    plain = " ".join(plain.replace("<", "").replace(">", "").split())
    return plain if len(plain) <= most else plain[: most - 1].rstrip() + "…"
