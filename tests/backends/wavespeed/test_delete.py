"""What WaveSpeed keeps of an image is deleted there when its owner asks for it, and only then."""

from __future__ import annotations

import dataclasses

import httpx
import pytest

from core.backend import DeletesRequests
from core.errors import AuthError, BackendError, InputError, NotReadyError, UnavailableError
from core.parsing import parse
from tests.backends.services import events, params_of, wavespeed
from tests.conftest import Studios
from tests.fakes import FakeService, FakeText

pytestmark = pytest.mark.anyio


async def test_the_sandbox_forgets_a_request_as_the_service_does() -> None:
    """Asked for again, it is deleted; deleting it twice, or one that never was, is fine."""
    backend = wavespeed(None, key=None)
    assert isinstance(backend, DeletesRequests)
    params = params_of(backend, "text-to-image")
    accepted, *_ = await events(backend.generate(params))
    request_id = accepted.request_id  # type: ignore[union-attr]
    await backend.delete_request(request_id)
    await backend.delete_request(request_id)
    await backend.delete_request("never")
    with pytest.raises(BackendError):
        await events(backend.resume(params, request_id))
    await backend.aclose()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(401, json={"code": 401, "message": "Invalid API key"}), AuthError),
        (httpx.Response(200, json={"code": 401, "message": "Invalid API key"}), AuthError),
        (httpx.Response(502, text="<html>nginx</html>"), UnavailableError),
        (httpx.Response(404, json={"code": 404, "message": "Prediction not found"}), None),
        (httpx.Response(200, json={"code": 200, "message": "success", "data": {}}), None),
        (httpx.Response(204), None),
    ],
)
async def test_what_the_service_answers_is_told(
    answer: httpx.Response, error: type[BackendError] | None
) -> None:
    """One request, by the documented address; an id cannot lead elsewhere."""
    asked: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer

    backend = wavespeed(httpx.MockTransport(serve))
    if error:
        with pytest.raises(error):
            await backend.delete_request("a/../b")
    else:
        await backend.delete_request("a/../b")
    [request] = asked
    assert request.method == "DELETE"
    assert request.url.raw_path == b"/api/v3/predictions/a%2F..%2Fb"
    await backend.aclose()


class Deleting(FakeService):
    """A service that can be asked to delete."""

    def __init__(self) -> None:
        super().__init__(paid=True)
        self.gone: list[str] = []

    async def delete_request(self, request_id: str) -> None:
        self.gone.append(request_id)


async def test_an_owner_deletes_an_image_at_its_service_and_keeps_it_here(
    studios: Studios,
) -> None:
    service = Deleting()
    studio = await studios.open(service)
    job = await studio.submit("fake", parse(FakeText, {"prompt": "x", "seed": 7}), owner="ann")
    await studio.result(job.id, owner="ann")
    [entry] = await studio.entries("ann")
    assert await studio.can_delete_at_service(entry)
    with pytest.raises(InputError):
        await studio.delete_at_service(entry.id, owner="bob")
    assert service.gone == []
    await studio.delete_at_service(entry.id, owner="ann")
    assert service.gone == ["request-7"]
    assert await studio.entry(entry.id, owner="ann") == entry
    assert await studio.file(entry.file)
    # What the service has forgotten by itself, what the sandbox made, and what has no id.
    for changes in ({"created_at": 1.0}, {"sandbox": True}, {"request_id": None}):
        assert not await studio.can_delete_at_service(dataclasses.replace(entry, **changes))
    await studio.aclose()


async def test_where_a_service_deletes_nothing_it_is_said(studios: Studios) -> None:
    studio = await studios.open(FakeService())
    job = await studio.submit("fake", parse(FakeText, {"prompt": "x", "seed": 7}), owner="ann")
    await studio.result(job.id, owner="ann")
    [entry] = await studio.entries("ann")
    assert not await studio.can_delete_at_service(entry)
    with pytest.raises(NotReadyError, match="deletes nothing"):
        await studio.delete_at_service(entry.id, owner="ann")
    await studio.aclose()
