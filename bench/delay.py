"""A wire with a length: forwards TCP to an address with half a round trip in each direction."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from types import TracebackType
from urllib.parse import urlsplit


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Delay:
    """Runs the wire in a thread while the context is open; connecting costs a round trip too."""

    def __init__(self, origin: str, round_trip: float) -> None:
        place = urlsplit(origin)
        self._target = (place.hostname or "127.0.0.1", place.port or 80)
        self._half = round_trip / 2
        self._port = free_port()
        self.address = f"http://127.0.0.1:{self._port}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Delay:
        """Start the wire."""
        self._thread.start()
        while socket.socket().connect_ex(("127.0.0.1", self._port)):
            pass
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Cut the wire."""
        self._loop.call_soon_threadsafe(self._cut)
        self._thread.join(5)

    def _cut(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.call_later(0.1, self._loop.stop)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        serving = asyncio.start_server(self._connect, "127.0.0.1", self._port)
        self._loop.run_until_complete(serving)
        self._loop.run_forever()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The server's callback would report being cut off as a failure of its own.
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await asyncio.sleep(2 * self._half)
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Forward what comes, each piece half a round trip after it came, in order."""
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                due, data = await pieces.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                if not data:
                    break
                sink.write(data)
                await sink.drain()
            sink.close()

        delivery = asyncio.create_task(deliver())
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                pieces.put_nowait((self._loop.time() + self._half, data))
        pieces.put_nowait((self._loop.time() + self._half, b""))
        with contextlib.suppress(OSError):
            await delivery
