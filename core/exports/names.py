"""File names from a template such as `{date}-{seed}-{prompt:40}`: safe on every system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping

from core.errors import InputError
from core.words import english

USUAL = "{date}-{time}-{seed}-{prompt:40}"
MOST = 120
"""Characters of a name without its ending."""
FIELD = re.compile(r"\{([a-z_]+)(?::(\d{1,3}))?\}")
UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u202a-\u202e\u2066-\u2069]+')
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)", re.IGNORECASE)
"""What Windows takes for a device."""


def check(template: str, known: Collection[str]) -> None:
    """Raise InputError for a template that names an unknown field or a folder."""
    left = FIELD.sub("", template)
    unknown = next((one for one, _ in FIELD.findall(template) if one not in known), "")
    if unknown or "{" in left or "}" in left:
        what = f"“{{{unknown}}}”" if unknown else english("exports-no-field")
        raise InputError(
            english("exports-template-for-names-has", what=what),
            field="template",
            advice=english("exports-fields", names=", ".join(f"{{{name}}}" for name in known)),
        )
    if "/" in left or "\\" in left or ".." in left:
        raise InputError(
            english("exports-template-for-names-must-not"),
            field="template",
            advice=english("exports-take-out"),
        )
    if not template.strip() or len(template) > MOST:
        raise InputError(
            english("exports-template-for-names-must-have", most=MOST),
            field="template",
            advice=english("exports-change"),
        )


def name(template: str, facts: Mapping[str, object], ending: str, taken: set[str]) -> str:
    """Return a file name that is not in `taken` yet, and add it there.

    `{field:n}` takes the first n characters. Names that differ in capitals alone count as the same.
    """

    def filled(match: re.Match[str]) -> str:
        text = _plain(str(facts.get(match[1], "")))
        return text[: int(match[2])].strip() if match[2] else text

    stem = _plain(FIELD.sub(filled, template))[:MOST].strip(" .") or "image"
    if RESERVED.match(stem):
        stem = f"_{stem}"
    found, number = f"{stem}{ending}", 2
    while found.casefold() in taken:
        found, number = f"{stem}-{number}{ending}", number + 1
    taken.add(found.casefold())
    return found


def _plain(text: str) -> str:
    """Return text without what file systems or eyes trip over, in one composed form."""
    text = UNSAFE.sub(" ", unicodedata.normalize("NFC", text))
    return " ".join(text.split()).strip(" .")
