"""What cannot be read is answered shortly; faults of the program stay loud."""

from __future__ import annotations

import logging

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from core.words import say
from ui.server.mistakes import Mistakes

pytestmark = pytest.mark.anyio


async def stumble(request: Request) -> Response:
    raise {"key": KeyError, "run": RuntimeError}[request.path_params["kind"]]("hunter2")


async def broken_off(_request: Request) -> Response:
    async def parts() -> object:
        yield b"begun"
        raise KeyError("hunter2")

    return StreamingResponse(parts())  # type: ignore[arg-type]


async def get(path: str) -> httpx.Response:
    routes = [Route("/media/{kind}", stumble), Route("/stream", broken_off)]
    app = Starlette(routes=[*routes, Route("/{kind}", stumble)], middleware=[Middleware(Mistakes)])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://play.example") as client:
        return await client.get(path)


async def test_a_request_that_is_not_understood_is_a_sentence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line says what and where; nothing that the caller sent is in it."""
    with caplog.at_level(logging.WARNING):
        answer = await get("/key")
    assert (answer.status_code, answer.json()["detail"]) == (400, say("not-understood"))
    (record,) = caplog.records
    assert "KeyError at test_mistakes.py:" in record.getMessage()
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize(
    ("path", "error"), [("/run", RuntimeError), ("/media/key", KeyError), ("/stream", KeyError)]
)
async def test_faults_of_the_program_stay_loud(path: str, error: type[Exception]) -> None:
    """Other errors, our own routes, and answers that have begun."""
    with pytest.raises(error):
        await get(path)
