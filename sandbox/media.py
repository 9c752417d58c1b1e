"""WaveSpeed's media store: tickets for a PUT, the older multipart form, and the files."""

from __future__ import annotations

import mimetypes

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.faults.kinds import Exchange
from sandbox.schemas import BodyError, read_bytes, read_object
from sandbox.uploads import LARGEST_UPLOAD, Upload
from sandbox.wavespeed import guarded, refuse, sandbox_of, success

OCTETS = "application/octet-stream"


def routes() -> list[Route]:
    """Return the routes under `/api/v3` without that prefix."""
    return [
        Route("/media/uploads", guarded(ticket), methods=["POST"]),
        Route("/media/upload/binary", guarded(binary), methods=["POST"]),
    ]


def open_routes() -> list[Route]:
    """Return the routes that need no key, as they lie on other hosts in reality."""
    return [
        Route("/uploads/{token}/{name}", put, methods=["PUT"]),
        Route("/uploads/{token}/{name}", fetch, methods=["GET"]),
    ]


async def ticket(request: Request) -> Response:
    """Promise room for one file and say how to bring it."""
    sandbox = sandbox_of(request)
    sandbox.ledger.counters.uploads += 1
    fault = sandbox.strikes_account("upload")
    if fault:
        return fault.act(Exchange(request, Response(), refuse))
    upload = _promised(await read_object(request))
    url = f"{request.base_url}{sandbox.uploads.add(upload)}"
    instruction = {"method": "PUT", "url": url, "headers": {"Content-Type": upload.content_type}}
    return success({"download_url": url, "upload": instruction})


def _promised(body: dict[str, object]) -> Upload:
    name, size = body.get("filename"), body.get("size")
    if not isinstance(name, str) or not name:
        raise BodyError("Invalid value for 'filename': must be a name", "filename")
    if type(size) is not int or not 0 < size <= LARGEST_UPLOAD:
        raise BodyError("Invalid value for 'size': must be 1 byte to 200 MB", "size")
    kind = body.get("content_type") or mimetypes.guess_type(name)[0] or OCTETS
    return Upload(name, size, str(kind))


async def put(request: Request) -> Response:
    """Store a promised file; like any signed address, it refuses a second way to sign in."""
    sandbox = sandbox_of(request)
    fault = sandbox.strikes_account("put")
    if fault:
        return fault.act(Exchange(request, Response(), refuse))
    if "authorization" in request.headers:
        sandbox.ledger.counters.credentials_leaked += 1
        return _storage_error(400, "InvalidArgument")
    promised = sandbox.uploads.get(request.path_params["token"])
    if promised is None:
        return _storage_error(403, "AccessDenied")
    if request.headers.get("content-type", "") != promised.content_type:
        return _storage_error(403, "SignatureDoesNotMatch")
    try:
        body = await read_bytes(request, promised.size)
    except BodyError:
        return _storage_error(400, "EntityTooLarge")
    if len(body) != promised.size:
        return _storage_error(400, "IncompleteBody")
    sandbox.uploads.put(request.path_params["token"], body)
    return Response()


async def fetch(request: Request) -> Response:
    """Hand out a stored file."""
    upload = sandbox_of(request).uploads.get(request.path_params["token"])
    if upload is None or upload.body is None:
        return _storage_error(404, "NoSuchKey")
    return Response(upload.body, media_type=upload.content_type)


async def binary(request: Request) -> Response:
    """Store a file sent as a form, field `file`."""
    sandbox = sandbox_of(request)
    sandbox.ledger.counters.uploads += 1
    async with request.form(max_files=1) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise BodyError("Invalid value for 'file': must be a file", "file")
        body = await file.read()
        upload = Upload(file.filename or "file", len(body), file.content_type or OCTETS, body)
    url = f"{request.base_url}{sandbox.uploads.add(upload)}"
    kind = upload.content_type.partition("/")[0]
    return success({"type": kind, "download_url": url, "filename": upload.name, "size": len(body)})


def _storage_error(status: int, code: str) -> Response:
    text = f'<?xml version="1.0"?><Error><Code>{code}</Code></Error>'
    return Response(text, status, media_type="application/xml")
