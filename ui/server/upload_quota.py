"""Limits what one caller uploads in an hour, and how many files one request may carry."""

from __future__ import annotations

import hashlib
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.exposure import Exposure
from core.settings import Settings
from ui import messages
from ui.server.body_limits import RefusedBodyError
from ui.server.caller import HEADER, seen_of
from ui.server.login_limit import network
from ui.server.owner import TOKEN

HOUR_S = 3600.0
MOST_FILES = 8
"""Files of one request; the page sends one."""
LARGE = 100_000
"""Bytes of another request from which on it counts as an upload: it may carry an image."""
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


@dataclass(slots=True)
class Upload:
    """What one request has brought so far."""

    at: float
    size: int = 0
    files: int = 1


class Uploads:
    """What each caller uploaded in the last hour; `clock` returns seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent: OrderedDict[str, deque[Upload]] = OrderedDict()

    def wait_s(self, caller: str, quota: Quota, size: int, files: int = 1) -> float:
        """Return the seconds until so much more is within a caller's quota; 0 is now.

        An upload that is larger than the whole quota is never within it.
        """
        if size > quota.bytes or files > quota.files:
            return math.inf
        sent = self._recent(caller)
        files, size = files + sum(one.files for one in sent), size + sum(one.size for one in sent)
        wait = 0.0
        for one in sent:
            if files <= quota.files and size <= quota.bytes:
                break
            files, size = files - one.files, size - one.size
            wait = one.at + HOUR_S - self._clock()
        return max(wait, 0.0)

    def begin(self, caller: str, size: int) -> Upload:
        """Count an upload from its beginning on, so that many at once cannot pass together."""
        upload = Upload(self._clock(), size)
        self._sent.setdefault(caller, deque()).append(upload)
        self._sent.move_to_end(caller)
        while len(self._sent) > MOST_KEPT:
            self._sent.popitem(last=False)
        return upload

    def forget(self, caller: str, upload: Upload) -> None:
        """Count an upload no more of which nothing came."""
        with suppress(ValueError):
            self._sent.get(caller, deque()).remove(upload)

    def _recent(self, caller: str) -> deque[Upload]:
        sent = self._sent.get(caller, deque())
        while sent and sent[0].at <= self._clock() - HOUR_S:
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
        place = f"address {network(seen.address)}"
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
        counted = _Counted(receive, self._uploads, self._policy.quotas(headers), kind, form)
        try:
            if form or _length(headers) >= LARGE:
                counted.begin(_length(headers))
            await self.app(scope, counted.read, send)
        except TooMuchError as error:
            await _refusal(error)(scope, receive, send)
        finally:
            counted.end()


class TooMuchError(RefusedBodyError):
    """An upload is beyond a quota."""

    def __init__(self, quota: Quota, wait_s: float) -> None:
        megabytes = quota.bytes // 1_000_000
        super().__init__(429, messages.too_many_uploads(quota.files, megabytes, wait_s))
        self.wait_s = wait_s


class _Counted:
    """Counts bytes and files of a request while it is read."""

    def __init__(
        self,
        receive: Receive,
        uploads: Uploads,
        quotas: Mapping[str, Quota],
        kind: str,
        form: bool,
    ) -> None:
        self._receive, self._uploads, self._quotas = receive, uploads, quotas
        self._boundary = _boundary(kind) if form else b""
        self._tail = b""
        self._boundaries = self._size = 0
        self._counts: dict[str, Upload] = {}

    def begin(self, announced: int) -> None:
        """Count an upload with the size it announces; raises TooMuchError."""
        for name, quota in self._quotas.items():
            if wait := self._uploads.wait_s(name, quota, announced):
                raise TooMuchError(quota, wait)
        self._counts = {name: self._uploads.begin(name, announced) for name in self._quotas}

    async def read(self) -> Message:
        """Return the next part; raises RefusedBodyError when it is too much or of many files."""
        message = await self._receive()
        data = message.get("body", b"")
        self._size += len(data)
        if self._boundary:
            seen = self._tail + data
            self._boundaries += seen.count(self._boundary)
            self._tail = seen[len(seen) - len(self._boundary) + 1 :]
            if self._files > MOST_FILES:
                raise RefusedBodyError(413, messages.too_many_files(MOST_FILES))
        if self._counts or self._size >= LARGE:
            self._count()
        return message

    @property
    def _files(self) -> int:
        """How many parts a form has; a boundary stands before each and after the last."""
        return max(self._boundaries - 1, 1)

    def _count(self) -> None:
        if not self._counts:
            self.begin(self._size)
        for name, one in self._counts.items():
            more = max(self._size - one.size, 0), self._files - one.files
            if more != (0, 0) and (wait := self._uploads.wait_s(name, self._quotas[name], *more)):
                raise TooMuchError(self._quotas[name], wait)
            one.size, one.files = one.size + more[0], one.files + more[1]

    def end(self) -> None:
        """Count what has come in place of what was announced."""
        for name, one in self._counts.items():
            one.size = self._size
            if not self._size:
                self._uploads.forget(name, one)


def _boundary(kind: str) -> bytes:
    """Return what stands between the parts of a form, read as Gradio reads it."""
    name = parse_options_header(kind)[1].get(b"boundary", b"")
    return b"--" + name if name else b""


def _length(headers: Headers) -> int:
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdecimal() and len(length) < 20 else 0


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _refusal(error: TooMuchError) -> JSONResponse:
    headers = {"Connection": "close"}
    if error.wait_s < math.inf:
        headers["Retry-After"] = str(math.ceil(error.wait_s))
    return JSONResponse({"detail": str(error)}, status_code=429, headers=headers)
