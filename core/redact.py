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
UNTOUCHED = ("", "/", "!$&'()*+,;=", "!$&'()*+,;=:@/?", "!$'()*,;:@/?\\")
"""Signs that stay as they are in one part of an address or another."""
_SHAPES = re.compile(r"(?i)(\bbearer\s+)[^\s'\",\]})]{6,}|\b(?:sk|wsk)[-_][\w-]{12,}")

ADDRESS = "[address]"
_ADDRESSES = re.compile(
    r"""(?ix)
    (?: [a-z][a-z0-9+.-]*:// | data:[a-z0-9/+.-]*[;,] ) \S*             # with a scheme
    | (?: \S*@ )? (?: localhost | (?: [a-z0-9_-]+\. )+ [a-z]{2,24}      # a name
    | \d{1,3} (?: \.\d{1,3} ){3} | \[ [0-9a-f.:]+ \] )                 # or a number
    (?: :\d{1,5} )? (?: [/?\#] \S* )? (?!\w)
    """
)

Mask = Callable[[str], str]


class Redactor:
    """What replaces secrets, and what has the shape of a key, in a text; secrets come and go.

    A text takes as long however many secrets are known: every visitor may bring one.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # The forms of all secrets, longest first, by the letters they begin with.
        self._forms: dict[str, list[str]] = {}
        for secret in secrets:
            self.add(secret)

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        return _SHAPES.sub(_shaped, self._masked(text))

    def add(self, secret: str) -> None:
        """Know one secret more; one that is added twice is to be removed twice."""
        for form in forms(secret):
            known = [*self._forms.get(form[:LEAST], ()), form]
            self._forms[form[:LEAST]] = sorted(known, key=len, reverse=True)

    def remove(self, secret: str) -> None:
        """Let go of a secret that is held nowhere any more."""
        for form in forms(secret):
            known = [*self._forms[form[:LEAST]]]  # a thread that writes may be reading the old list
            known.remove(form)
            if known:
                self._forms[form[:LEAST]] = known
            else:
                del self._forms[form[:LEAST]]

    def _masked(self, text: str) -> str:
        parts, done = [], 0
        for begin in range(len(text) - LEAST + 1):
            for form in self._forms.get(text[begin : begin + LEAST], ()):
                if text.startswith(form, begin):
                    if begin >= done:  # else one secret lies across the end of another
                        parts += [text[done:begin], MASK]
                    done = max(done, begin + len(form))
                    break
        return "".join(parts) + text[done:]


def without_addresses(text: str) -> str:
    """Return a text without web addresses, hosts and data URIs, for what is shown to others."""
    return _ADDRESSES.sub(ADDRESS, text)


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


def forms(secret: str) -> set[str]:
    """Return how a secret may be written: in code, in JSON, in a page, in an address, in base64.

    A secret that is too short to be masked has none.
    """
    if len(secret) < LEAST:
        return set()
    plain = {secret, html.escape(secret), html.escape(secret, quote=False)}
    plain |= {form.replace("&#x27;", sign) for form in plain for sign in ("&#39;", "&apos;")}
    plain |= {quote(secret, safe) for safe in UNTOUCHED} | {quote_plus(secret)}
    plain |= {re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), form) for form in plain}
    written = plain | {_in_json_of_a_page(secret), repr(_bytes(secret))[2:-1], ascii(secret)[1:-1]}
    for _ in range(2):  # JSON and code are also written inside JSON and code
        written |= {repr(form)[1:-1] for form in written}
        written |= {
            json.dumps(form, ensure_ascii=whole)[1:-1]
            for form in written
            for whole in (True, False)
        }
    return written | _in_base64(_bytes(secret))


def _bytes(secret: str) -> bytes:
    return secret.encode("utf-8", "surrogatepass")


def _in_json_of_a_page(secret: str) -> str:
    """Return JSON as it stands inside a script of a page."""
    text = json.dumps(secret)[1:-1]
    return re.sub("[<>&']", lambda found: f"\\u{ord(found[0]):04x}", text)


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
