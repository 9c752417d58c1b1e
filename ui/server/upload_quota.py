"""Limits what one caller uploads in an hour, and how many files one request may carry."""

from __future__ import annotations

import hashlib
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.exposure import Exposure
from core.settings import Settings
from ui import words
from ui.bodies import RefusedBodyError
from ui.owner import TOKEN
from ui.server.caller import HEADER, seen_of

HOUR_S = 3600.0
MOST_FILES = 8
"""Files of one request; the page sends one."""
LARGE = 1_000_000
"""Bytes of another request from which on it counts as an upload: it carries a picture."""
MOST_KEPT = 20_000
"""Callers that are remembered; the ones that uploaded longest ago go first."""
ADDRESS_SHARE = 3
"""How many callers of one address may use their limits in full: anybody can draw another token."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What may be uploaded in an hour."""

    files: int
    bytes: int

    def times(self, factor: int) -> Quota:
        """Return a multiple of it."""
        return Quota(self.files * factor, self.bytes * factor)


PUBLIC = Quota(files=60, bytes=200_000_000)
TEAM = PUBLIC.times(10)


class Uploads:
    """What each caller uploaded in the last hour; `clock` returns seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent: OrderedDict[str, deque[tuple[float, int, int]]] = OrderedDict()

    def wait_s(self, caller: str, quota: Quota, size: int) -> float:
        """Return the seconds until `size` bytes more are within a caller's quota; 0 is now.

        An upload that is larger than the whole quota is never within it.
        """
        if size > quota.bytes or quota.files < 1:
            return math.inf
        sent = self._recent(caller)
        files, total = sum(one[2] for one in sent), sum(one[1] for one in sent)
        wait = 0.0
        for at, part, count in sent:
            if files < quota.files and total + size <= quota.bytes:
                break
            files, total = files - count, total - part
            wait = at + HOUR_S - self._clock()
        return max(wait, 0.0)

    def add(self, caller: str, size: int, files: int) -> None:
        """Count what a caller has sent."""
        self._recent(caller).append((self._clock(), size, files))
        self._sent.move_to_end(caller)
        while len(self._sent) > MOST_KEPT:
            self._sent.popitem(last=False)

    def _recent(self, caller: str) -> deque[tuple[float, int, int]]:
        sent = self._sent.setdefault(caller, deque())
        while sent and sent[0][0] <= self._clock() - HOUR_S:
            sent.popleft()
        return sent


@dataclass(frozen=True, slots=True)
class Policy:
    """Whose uploads are limited, and how."""

    public: bool
    sign_in: bool
    files: int | None = None
    megabytes: int | None = None

    def quotas(self, headers: Headers) -> Mapping[str, Quota]:
        """Return the quotas that hold for a request, by the name under which each is counted."""
        seen = seen_of(headers)
        if seen.local and not self.public and self.files is None and self.megabytes is None:
            return {}
        standard = TEAM if self.sign_in else PUBLIC
        quota = Quota(
            standard.files if self.files is None else self.files,
            standard.bytes if self.megabytes is None else self.megabytes * 1_000_000,
        )
        place = f"address {seen.address}"
        if token := headers.get(HEADER):
            name = f"token {_digest(token)}" if TOKEN.fullmatch(token) else place
            return {name: quota, place: quota.times(ADDRESS_SHARE)}
        return {place: quota if not self.sign_in else quota.times(ADDRESS_SHARE)}


def policy(settings: Settings, exposure: Exposure) -> Policy:
    """Read the limits; those that are not set have a default for each kind of instance."""
    return Policy(
        exposure.public,
        exposure.sign_in,
        settings.srpo_limit_upload_files,
        settings.srpo_limit_upload_mb,
    )


class LimitedUploads:
    """ASGI middleware that counts uploads, and says when the next one is possible."""

    def __init__(self, app: ASGIApp, policy: Policy, uploads: Uploads | None = None) -> None:
        self.app = app
        self._policy = policy
        self._uploads = uploads or Uploads()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 429."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        kind = headers.get("content-type", "")
        form = kind.lower().startswith("multipart/")
        declared = _length(headers)
        if not form and declared < LARGE:
            await self.app(scope, receive, send)
            return
        quotas = self._policy.quotas(headers)
        for name, quota in quotas.items():
            if wait := self._uploads.wait_s(name, quota, declared):
                await _refusal(quota, wait)(scope, receive, send)
                return
        counted = _Counted(receive, _boundary(kind) if form else b"")
        try:
            await self.app(scope, counted.read, send)
        finally:
            for name in quotas:
                self._uploads.add(name, counted.size, max(counted.files, 1))


class _Counted:
    """Counts bytes and files of a request while it is read."""

    def __init__(self, receive: Receive, boundary: bytes) -> None:
        self._receive, self._boundary = receive, boundary
        self._tail = b""
        self._boundaries = 0
        self.size = 0

    @property
    def files(self) -> int:
        """How many parts a form has; a boundary stands before each and after the last."""
        return max(self._boundaries - 1, 0)

    async def read(self) -> Message:
        """Return the next part; raises RefusedBodyError when it has too many files."""
        message = await self._receive()
        data = message.get("body", b"")
        self.size += len(data)
        if self._boundary:
            seen = self._tail + data
            self._boundaries += seen.count(self._boundary)
            self._tail = seen[len(seen) - len(self._boundary) + 1 :]
            if self.files > MOST_FILES:
                raise RefusedBodyError(413, words.too_many_files(MOST_FILES))
        return message


def _boundary(kind: str) -> bytes:
    _, _, rest = kind.partition("boundary=")
    name = rest.partition(";")[0].strip().strip('"')
    return b"--" + name.encode("latin-1", "replace") if name else b""


def _length(headers: Headers) -> int:
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdecimal() and len(length) < 20 else 0


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _refusal(quota: Quota, wait: float) -> JSONResponse:
    said = words.too_many_uploads(quota.files, quota.bytes // 1_000_000, wait)
    headers = {"Connection": "close"}
    if wait < math.inf:
        headers["Retry-After"] = str(math.ceil(wait))
    return JSONResponse({"detail": said}, status_code=429, headers=headers)
