"""Closes connections on which no whole request head arrives.

uvicorn waits for the rest of a request head for ever, so whoever opens connections and sends half a
line on each keeps them all. There is room for a number of connections that memory and the system's
limit for open files can bear. Bodies have their own deadline in the middleware; what lasts long on
purpose, a stream of events, is an answer and not touched.
"""

from __future__ import annotations

import asyncio
import importlib.util
from typing import Any, cast

import uvicorn.config
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from core.errors import NotReadyError

HEAD_S = 10.0
"""How long a request head may take to arrive, in seconds."""
MOST = 1_000
"""Connections at once; fewer where the system lets a program open few files."""
PLACE = f"{__name__}:PunctualProtocol"


class PunctualProtocol(cast("type[Any]", AutoHTTPProtocol)):  # type: ignore[misc]
    """uvicorn's protocol with a deadline for each request head."""

    head_s = HEAD_S
    most = MOST
    _alarm: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Wait for the first head."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.abort()
        else:
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Stop waiting when a head is whole; begin when the next one begins to come."""
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before or self.transport.get_protocol() is not self:
            self._rest()  # a head was whole, or this is no HTTP any more
        elif self._idle():
            self._expect()

    def _idle(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    def _expect(self) -> None:
        if self._alarm is None:
            self._alarm = self.loop.call_later(self.head_s, self._late)

    def _rest(self) -> None:
        if self._alarm:
            self._alarm.cancel()
        self._alarm = None

    def _late(self) -> None:
        self._alarm = None
        self.transport.abort()


def install() -> None:
    """Let the server that Gradio starts use this protocol.

    Raises NotReadyError when this release of uvicorn chooses its protocol in another way.
    """
    PunctualProtocol.most = _room()
    choices = uvicorn.config.HTTP_PROTOCOLS
    choices["auto"] = PLACE
    config = uvicorn.Config(lambda: None, log_config=None)
    config.load()
    if config.http_protocol_class is not PunctualProtocol or not hasattr(
        AutoHTTPProtocol, "data_received"
    ):
        raise NotReadyError(
            "This release of uvicorn is not the one this program was made for.",
            advice="Install the versions of requirements.lock.",
        )


def _room() -> int:
    """Return how many connections leave enough files for everything else."""
    if not importlib.util.find_spec("resource"):  # there is none on Windows
        return MOST
    resource = importlib.import_module("resource")
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(MOST, files // 2) if files > 0 else MOST
