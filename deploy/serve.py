"""Ray Serve: a backend on every GPU, and one ingress in front that loses no request.

    serve run deploy.serve:app gpus=1 replicas=4

The ingress stays on the head node and retries the requests of replicas that were lost with their
node: work on one's own machines is free, so it may be done again.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from ray import serve
from ray.exceptions import (
    NodeDiedError,
    ObjectLostError,
    RayActorError,
    RayTaskError,
    WorkerCrashedError,
)
from ray.serve.exceptions import BackPressureError
from starlette.applications import Starlette

from backends import local
from backends.local.source import LocalSettings
from backends.self_hosted import SelfHostedSettings
from core.backend import Backend, Loadable
from core.errors import InputError, NotReadyError, PlaygroundError, RateLimitError, UnavailableError
from core.events import Event, Finished
from core.params import Params, Task
from core.settings import load
from deploy import images_api

log = logging.getLogger(__name__)

LOST = (RayActorError, WorkerCrashedError, NodeDiedError, ObjectLostError)
MOST_TRIES = 3
"""Bounded: a request that brings its replica down must not bring down all of them."""
QUEUED = 4
"""Requests that may wait for each replica; more are told to come back."""
AT_INGRESS = 200
"""Requests that are read at once: each may carry an image of 20 MB."""
SCALE_UP_S = 10.0
"""How long there must be more requests than replicas before another one starts, in seconds."""
LAST_PICTURE_S = 120.0
"""How long a replica that is taken away may finish what it has begun, in seconds."""
HEAD = {"node:__internal_head__": 0.001}

Create = Callable[[], Backend]


def gpus_here() -> float:
    """Return 1 on a machine with a GPU of NVIDIA or AMD, else 0."""
    return float(bool(shutil.which("nvidia-smi")) or Path("/dev/kfd").exists())


class Options(BaseModel):
    """What can be said behind `serve run deploy.serve:app`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gpus: float = Field(default_factory=gpus_here, ge=0, description="GPUs of a replica.")
    least: int = Field(1, ge=1, description="Replicas while there is nothing to do.")
    replicas: int = Field(16, ge=1, description="Replicas at most.")
    model: str = Field("", description="Name of the model; that of the backend if empty.")
    key_hash: str = Field("", description="Of the key that requests must carry.")
    open: bool = Field(
        False,
        description="1 serves without a key whoever reaches it. Pages of other sites are refused, "
        "but not one whose own name was pointed at this server: keep it in a network you trust.",
    )


def local_backend() -> Backend:
    """Build the local backend as the environment of this process says."""
    return local.create(load(LocalSettings))


def app(arguments: Mapping[str, str]) -> Any:
    """Build what `serve run deploy.serve:app` runs; the key itself does not leave this process."""
    settings = load(SelfHostedSettings)
    key = settings.self_hosted_api_key
    said = {"model": settings.self_hosted_model, **arguments}
    if key:
        if not key.get_secret_value().strip():
            raise InputError(
                "SELF_HOSTED_API_KEY holds only blanks.", advice="Set a key, or remove it."
            )
        said["key_hash"] = images_api.hashed(key.get_secret_value().strip())
    options = Options.model_validate(said)
    if not options.key_hash and not options.open:  # said here too: before a cluster is started
        raise InputError(images_api.NO_KEY, advice=images_api.SAY_OPEN)
    return build(local_backend, options)


def build(create: Create, options: Options) -> Any:
    """Build the application over whatever backend `create` makes in each replica."""
    painter = serve.deployment(
        name="painter",
        ray_actor_options={"num_gpus": options.gpus},
        max_ongoing_requests=1,
        max_queued_requests=QUEUED * options.replicas,
        graceful_shutdown_timeout_s=LAST_PICTURE_S,
        autoscaling_config={
            "min_replicas": options.least,
            "max_replicas": max(options.least, options.replicas),
            "target_ongoing_requests": 1,
            "upscale_delay_s": SCALE_UP_S,
        },
    )(Painter)
    ingress = serve.deployment(
        name="ingress",
        num_replicas=1,
        ray_actor_options={"num_cpus": 0, "resources": HEAD},
        max_ongoing_requests=AT_INGRESS,
        max_queued_requests=AT_INGRESS,
        backpressure_config={"status_code": 429, "retry_after_s": images_api.BUSY_S},
    )(serve.ingress()(Ingress))
    return ingress.bind(create, painter.bind(create), options)


class Painter:
    """One backend on one GPU; it gets requests once its model is loaded, one at a time."""

    async def __init__(self, create: Create) -> None:  # type: ignore[misc]  # Serve awaits it
        self._backend = create()
        if isinstance(self._backend, Loadable):
            await self._backend.load()
        self.check_health()

    def check_health(self) -> None:
        """Raise when it can generate no more; Serve then starts another in its place."""
        if problem := self._backend.problem():
            raise RuntimeError(problem)

    async def paint(self, params: Params) -> Finished:
        """Make an image; being cancelled ends the work within a step."""
        return await images_api.painted(self._backend, params)


class ReplicaPool:
    """All replicas, spoken to as one backend."""

    def __init__(self, tasks: Mapping[Task, type[Params]], painter: Any) -> None:
        self.tasks = tasks
        self._painter = painter.options()  # which is what makes it learn of replicas

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        """Wait for a free replica, and for another one if that is lost."""
        if not self._painter.running_replicas_populated():
            raise NotReadyError(
                "The model is being loaded.",
                advice="Ask again in a few seconds; nothing has begun.",
            )
        for _ in range(MOST_TRIES):
            if finished := await self._painted(params):
                yield finished
                return
        raise UnavailableError(
            f"{MOST_TRIES} machines were lost while they worked on this.",
            advice="See whether the engine still runs, then try again.",
        )

    async def _painted(self, params: Params) -> Finished | None:
        """Return an image, or None when its replica was lost."""
        answer = self._painter.paint.remote(params)
        try:
            finished: Finished = await answer
        except BackPressureError as error:
            raise RateLimitError(
                "The queue is full.", advice="Ask again in a few seconds; nothing has begun."
            ) from error
        except LOST as error:
            log.warning("a replica was lost, its request goes to another: %s", type(error).__name__)
            return None
        except RayTaskError as error:
            if isinstance(error.cause, PlaygroundError):
                raise error.cause from error
            raise
        except asyncio.CancelledError:
            answer.cancel()
            raise
        return finished


class Ingress:
    """The images API in front of the replicas."""

    def __init__(self, create: Create, painter: Any, options: Options) -> None:
        self._create, self._painter, self._options = create, painter, options

    def __serve_build_asgi_app__(self) -> Starlette:
        """Build the app; the backend is made for its params alone, its model is not loaded."""
        backend = self._create()
        return images_api.create(
            ReplicaPool(backend.tasks, self._painter),
            model=self._options.model or backend.id,
            key_hash=self._options.key_hash,
            open=self._options.open,
        )
