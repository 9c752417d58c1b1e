"""Keeps keys out of everything the program says: log records, tracebacks, what is printed.

Every record is cleaned when it is made, whichever logger makes it and whichever handler writes it,
with the text of its exception; what goes to the console past the loggers is cleaned on the way.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, TextIO
from urllib.parse import quote, quote_plus

LEAST = 6
"""Characters of a secret; a shorter one would be found in ordinary words."""
MASK = "[key]"
_SHAPES = re.compile(r"(?i)(\bbearer\s+)[^\s'\",\]})]{6,}|\b(?:sk|wsk)[-_][\w-]{12,}")

Mask = Callable[[str], str]


class Redactor:
    """What replaces secrets, and what has the shape of a key, in a text; secrets come and go."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = list(secrets)
        self._exact = _pattern(self._secrets)

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        return _SHAPES.sub(_shaped, self._exact.sub(MASK, text))

    def add(self, secret: str) -> None:
        """Know one secret more; one that is added twice is to be removed twice."""
        self._secrets.append(secret)
        self._exact = _pattern(self._secrets)

    def remove(self, secret: str) -> None:
        """Let go of a secret that is held nowhere any more."""
        self._secrets.remove(secret)
        self._exact = _pattern(self._secrets)


def install(secrets: Iterable[str]) -> Redactor:
    """Clean whatever this process logs or prints from now on; returns what knows the secrets."""
    mask = Redactor(secrets)
    made = logging.getLogRecordFactory()

    def factory(*values: Any, **named: Any) -> logging.LogRecord:
        return cleaned(made(*values, **named), mask)

    logging.setLogRecordFactory(factory)
    sys.excepthook = _hook(mask)
    for name in ("stdout", "stderr"):
        if stream := getattr(sys, name):  # a program without a console has none
            setattr(sys, name, _Cleaned(stream, mask))
    return mask


def _pattern(secrets: Iterable[str]) -> re.Pattern[str]:
    known = {form for secret in secrets for form in _forms(secret)}
    longest = sorted((one for one in known if len(one) >= LEAST), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest)) or r"(?!)")


def _forms(secret: str) -> set[str]:
    """Return how a secret may be written: in code, in JSON, in a page, in an address, in base64."""
    if len(secret) < LEAST:
        return set()
    written = {
        secret,
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret),
        html.escape(secret, quote=False),
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
    }
    written |= {re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), form) for form in written}
    return written | _in_base64(secret.encode("utf-8", "surrogatepass"))


def _in_base64(secret: bytes) -> set[str]:
    """Return what stands in base64 wherever the secret begins in what is encoded.

    Three bytes become four letters, so there are three ways; the letters at both ends that also
    depend on what is beside the secret are left out.
    """
    found = set()
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * before + secret).decode()
            begin = -(-before * 8 // 6)
            end = (before + len(secret)) * 8 // 6
            found.add(text[begin:end])
    return found


def _shaped(found: re.Match[str]) -> str:
    return (found[1] or "") + MASK


def cleaned(record: logging.LogRecord, mask: Mask) -> logging.LogRecord:
    """Return a record without secrets; its arguments keep their number and, if clean, their kind.

    Formatters take `exc_text` where it is set, so the exception is written out here.
    """
    record.msg = _clean(record.msg, mask)
    if isinstance(record.args, Mapping):
        record.args = {name: _clean(value, mask) for name, value in record.args.items()}
    elif record.args:
        record.args = tuple(_clean(value, mask) for value in record.args)
    # A secret may also be put together from several arguments.
    if record.args and (said := _said(record)) != (clean := mask(said)):
        record.msg, record.args = clean, None
    if record.exc_info and isinstance(record.exc_info, tuple) and record.exc_info[1]:
        text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        record.exc_text = mask(text)
        if record.exc_text != text:
            record.exc_info = None
    if record.stack_info:
        record.stack_info = mask(record.stack_info)
    return record


def _clean(value: Any, mask: Mask) -> Any:
    if value is None or isinstance(value, int | float):
        return value
    try:
        text = str(value)
    except Exception:  # noqa: BLE001  # a value that cannot be written leaks nothing
        return value
    clean = mask(text)
    return value if clean == text else clean


def _said(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return ""  # logging itself reports a message that does not fit its arguments


def _hook(mask: Mask) -> Callable[..., None]:
    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        if sys.stderr:
            sys.stderr.write(mask(text))

    return hook


class _Cleaned:
    """A stream that is the given one in everything but what it writes."""

    def __init__(self, stream: TextIO, mask: Mask) -> None:
        self._stream, self._mask = stream, mask

    def write(self, text: str) -> int:
        return self._stream.write(self._mask(text))

    def writelines(self, lines: Iterable[str]) -> None:
        self._stream.writelines(map(self._mask, lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Any:
        return iter(self._stream)
