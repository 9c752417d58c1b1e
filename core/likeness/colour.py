"""A colour as people and colour pickers write it."""

from __future__ import annotations

import re

from core.errors import InputError
from core.words import english

HEX = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
NUMBERS = re.compile(r"rgba?\(([\d., ]{5,80})\)")
Rgb = tuple[int, int, int]


def colour_in(text: str) -> Rgb:
    """Read `#rrggbb`, `#rgb`, `rgb(r, g, b)` or `rgba(r, g, b, a)`; what shines through is ignored.

    Raises InputError for the field `colour`.
    """
    plain = text.strip()
    if found := HEX.fullmatch(plain):
        digits = found[1] if len(found[1]) == 6 else "".join(digit * 2 for digit in found[1])
        red, green, blue = bytes.fromhex(digits)
        return red, green, blue
    if found := NUMBERS.fullmatch(plain):
        try:
            parts = [round(float(part)) for part in found[1].split(",")]
        except ValueError:
            parts = []
        if len(parts) in (3, 4) and max(parts[:3]) <= 255:
            return parts[0], parts[1], parts[2]
    raise InputError(
        english("studio-not-colour", plain=plain[:40]),
        field="colour",
        advice=english("studio-write-as-six-digits-such"),
    )
