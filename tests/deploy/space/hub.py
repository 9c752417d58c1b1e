"""Stands where the hub's API stands, on loopback: as much of it as sending a Space needs."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.end_to_end.program import free_port

TOKEN = "hf_standInForAToken"


@dataclass
class Hub:
    """Keeps what it was sent; `refuses` is a status that it answers everything with."""

    port: int = field(default_factory=free_port)
    refuses: int = 0
    order: list[str] = field(default_factory=list)
    """What was asked, in its order: method and path, without the token."""
    space: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    volumes: list[Any] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    """What lies in the Space; through LFS or not."""
    large: dict[str, bytes] = field(default_factory=dict)
    """What was sent to the store of LFS, by its checksum."""
    through_lfs: set[str] = field(default_factory=set)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def app(self) -> Starlette:
        at = "/api/spaces/{owner}/{name}"
        routes = [
            Route("/api/repos/create", self._create, methods=["POST"]),
            Route("/api/validate-yaml", self._front_matter, methods=["POST"]),
            Route("/api/buckets/{owner}/{name}", self._bucket, methods=["POST"]),
            Route(at, self._info),
            Route(at + "/revision/{revision}", self._info),
            Route(at + "/tree/{revision}", self._tree),
            Route(at + "/variables", self._variable, methods=["POST"]),
            Route(at + "/volumes", self._volumes, methods=["PUT"]),
            Route(at + "/preupload/main", self._sort, methods=["POST"]),
            Route(at + "/commit/main", self._commit, methods=["POST"]),
            Route("/spaces/{repo:path}.git/info/lfs/objects/batch", self._batch, methods=["POST"]),
            Route("/store/{oid}", self._store, methods=["PUT"]),
        ]
        return Starlette(routes=routes, middleware=[Middleware(BaseHTTPMiddleware, self._door)])

    async def _door(self, request: Request, answer: RequestResponseEndpoint) -> Response:
        """Note what is asked; let in who has the token, or nobody."""
        self.order.append(f"{request.method} {request.url.path}")
        if self.refuses:
            return JSONResponse({"error": "no"}, self.refuses)
        stored = request.url.path.startswith("/store/")
        if stored or request.headers.get("authorization") == f"Bearer {TOKEN}":
            return await answer(request)
        return JSONResponse({"error": "who are you?"}, 401)

    async def _create(self, request: Request) -> Response:
        self.space = await request.json()
        self.files.setdefault("README.md", b"")
        name = f"{self.space['organization']}/{self.space['name']}"
        return JSONResponse({"url": f"{self.address}/spaces/{name}", "name": name, "id": "1"})

    async def _front_matter(self, request: Request) -> Response:
        return JSONResponse({"errors": [], "warnings": []})

    async def _bucket(self, request: Request) -> Response:
        return JSONResponse({"url": f"{self.address}/buckets/ann/kept"})

    async def _info(self, request: Request) -> Response:
        listed = [{"rfilename": path} for path in self.files]
        found = {"id": "ann/play", "sha": "0" * 40, "siblings": listed, "private": False}
        return JSONResponse(found | {"tags": [], "likes": 0})

    async def _tree(self, request: Request) -> Response:
        listed = [
            {"type": "file", "path": path, "size": len(data), "oid": "0" * 40}
            for path, data in self.files.items()
        ]
        return JSONResponse(listed)

    async def _variable(self, request: Request) -> Response:
        told = await request.json()
        self.variables[told["key"]] = told["value"]
        return JSONResponse({key: {"value": value} for key, value in self.variables.items()})

    async def _volumes(self, request: Request) -> Response:
        self.volumes = (await request.json())["volumes"]
        return JSONResponse({})

    async def _sort(self, request: Request) -> Response:
        """Say what goes through LFS: what is binary."""
        files = (await request.json())["files"]
        answers = []
        for one in files:
            binary = b"\0" in base64.b64decode(one["sample"])
            mode = "lfs" if binary else "regular"
            answers.append({"path": one["path"], "uploadMode": mode, "shouldIgnore": False})
        return JSONResponse({"files": answers})

    async def _batch(self, request: Request) -> Response:
        objects = [
            one | {"actions": {"upload": {"href": f"{self.address}/store/{one['oid']}"}}}
            for one in (await request.json())["objects"]
        ]
        return JSONResponse({"objects": objects, "transfer": "basic"})

    async def _store(self, request: Request) -> Response:
        self.large[request.path_params["oid"]] = await request.body()
        return Response()

    async def _commit(self, request: Request) -> Response:
        for line in (await request.body()).splitlines():
            said = json.loads(line)
            value = said["value"]
            match said["key"]:
                case "file":
                    self.files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    self.files[value["path"]] = self.large[value["oid"]]
                    self.through_lfs.add(value["path"])
                case "deletedFile":
                    del self.files[value["path"]]
        url = f"{self.address}/spaces/ann/play/commit/{'1' * 40}"
        return JSONResponse({"commitUrl": url, "commitOid": "1" * 40, "success": True})
