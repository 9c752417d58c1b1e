"""Closes connections on which no whole request head arrives.

uvicorn waits for the rest of a request head for ever, so whoever opens connections and sends half a
line on each keeps them all. Bodies have their own deadline in the middleware; what lasts long on
purpose, a stream of events, is an answer and not touched.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import uvicorn.config
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from core.errors import NotReadyError

HEAD_S = 20.0
"""How long a request head may take to arrive, in seconds."""
PLACE = f"{__name__}:PunctualProtocol"


class PunctualProtocol(cast("type[Any]", AutoHTTPProtocol)):  # type: ignore[misc]
    """uvicorn's protocol with a deadline for each request head."""

    head_s = HEAD_S
    _alarm: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Wait for the first head."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Stop waiting when a head is whole; begin when the next one begins to come."""
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._rest()
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
