"""The named API: Gradio endpoints that are MCP tools too; names, order and types are a contract."""

# No `from __future__ import annotations` here: Gradio reads the return types off the signature.

import asyncio
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import gradio as gr

from core.caller import STRANGER, Caller
from core.errors import InputError, NotReadyError, PlaygroundError
from core.history import Entry
from core.jobs.consent import Consent
from core.jobs.job import Job
from core.money import amount
from core.params import Task
from core.parsing import parse
from core.studio import Studio
from ui import messages
from ui.api_arguments import (
    count,
    described,
    named,
    plain,
    spoken,
    states_named,
    task_named,
    touched,
)
from ui.server.gradio_patches import folder
from ui.server.owner import caller_of
from ui.server.routes import Media
from ui.server.uploads import Uploads

MOST = 500


@dataclass(frozen=True, slots=True)
class Api:
    """The endpoints; each is thin around the studio."""

    studio: Studio
    media: Media
    uploads: Uploads
    default_backend: str

    def register(self) -> None:
        """Add the endpoints to the Blocks being built."""
        for endpoint in (
            self.text_to_image,
            self.image_to_image,
            self.submit,
            self.job,
            self.jobs,
            self.cancel,
            self.history,
            self.backends,
        ):
            name = endpoint.__name__
            gr.api(endpoint, api_name=name, concurrency_limit=None, concurrency_id=f"api {name}")

    async def text_to_image(
        self,
        prompt: str,
        backend: str = "",
        model: str = "",
        width: int = 1024,
        height: int = 1024,
        steps: int = 28,
        guidance: float = 0,
        seed: int = -1,
        output_format: str = "",
        max_price_usd: float | None = None,
        request: gr.Request | None = None,
    ) -> tuple[gr.FileData, dict[str, Any]]:
        """Make a picture from a text prompt and return it with everything needed to make it again.

        Args:
            prompt: What the picture shows, in plain words.
            backend: Which backend makes it, by its id; empty for the default one.
            model: Which of the backend's models; empty for its default.
            width: Width in pixels.
            height: Height in pixels.
            steps: Number of denoising steps.
            guidance: How closely the picture follows the prompt; 0 for the backend's default.
            seed: Same seed and settings, same picture; -1 draws one.
            output_format: jpeg or png; empty for the backend's default.
            max_price_usd: Refuse, before anything is sent, what costs more; null for no limit.
        """
        wishes = {
            "prompt": prompt,
            "model": model,
            "width": width,
            "height": height,
            "steps": steps,
            "guidance": guidance,
            "seed": seed,
            "output_format": output_format,
        }
        return await self._make("text-to-image", backend, wishes, max_price_usd, request)

    async def image_to_image(
        self,
        image: gr.FileData,
        prompt: str,
        backend: str = "",
        model: str = "",
        strength: float = 0.8,
        steps: int = 28,
        guidance: float = 0,
        seed: int = -1,
        output_format: str = "",
        max_price_usd: float | None = None,
        request: gr.Request | None = None,
    ) -> tuple[gr.FileData, dict[str, Any]]:
        """Make a picture from another picture and a text prompt; the output follows its size.

        Args:
            image: The picture to start from: PNG, JPEG, WebP or AVIF.
            prompt: What the new picture shows, in plain words.
            backend: Which backend makes it, by its id; empty for the default one.
            model: Which of the backend's models; empty for its default.
            strength: 0 keeps the picture, 1 replaces it.
            steps: Number of denoising steps.
            guidance: How closely the picture follows the prompt; 0 for the backend's default.
            seed: Same seed and settings, same picture; -1 draws one.
            output_format: jpeg or png; empty for the backend's default.
            max_price_usd: Refuse, before anything is sent, what costs more; null for no limit.
        """
        wishes = {
            "prompt": prompt,
            "model": model,
            "strength": strength,
            "steps": steps,
            "guidance": guidance,
            "seed": seed,
            "output_format": output_format,
            "image": image,
        }
        return await self._make("image-to-image", backend, wishes, max_price_usd, request)

    async def submit(
        self,
        task: str,
        backend: str,
        params: dict[str, Any],
        image: gr.FileData | None = None,
        max_price_usd: float | None = None,
        request: gr.Request | None = None,
    ) -> dict[str, Any]:
        """Start a job and return it at once; ask for it later with `job`.

        Args:
            task: text-to-image or image-to-image.
            backend: The backend's id; empty for the default one.
            params: The backend's params for this task; `backends` lists their schema.
            image: The picture to start from, on image-to-image.
            max_price_usd: Refuse, before anything is sent, what costs more; null for no limit.
        """
        with spoken():
            wishes = named(params) | ({"image": image} if image else {})
            caller = caller_of(request)
            job = await self._submit(task_named(task), backend, wishes, caller, max_price_usd)
            return job.as_dict()

    async def job(self, id: str, request: gr.Request | None = None) -> dict[str, Any]:  # noqa: A002
        """Tell how a job stands.

        Args:
            id: The job's id.
        """
        with spoken():
            return (await self._job(str(id), caller_of(request))).as_dict()

    async def jobs(
        self, state: str = "", request: gr.Request | None = None
    ) -> list[dict[str, Any]]:
        """List the caller's jobs, newest first.

        Args:
            state: waiting, sending, running, finished, failed, cancelled or unknown; empty for all.
        """
        with spoken():
            found = await self.studio.jobs(_known(request), states=states_named(state))
        return [job.as_dict() for job in found]

    async def cancel(self, id: str, request: gr.Request | None = None) -> dict[str, Any]:  # noqa: A002
        """Cancel a job where that saves anything; `charged` says whether it was paid for.

        Args:
            id: The job's id.
        """
        with spoken():
            job = await self._job(str(id), caller_of(request))
            return (await self.studio.cancel(job.id, owner=job.owner)).as_dict()

    async def history(
        self,
        limit: int = 50,
        before: str = "",
        query: str = "",
        starred: bool = False,
        request: gr.Request | None = None,
    ) -> list[dict[str, Any]]:
        """List the caller's finished pictures, newest first.

        Args:
            limit: How many at most, up to 500.
            before: Only those older than the entry with this id.
            query: Only those whose prompt contains these words.
            starred: Only starred ones.
        """
        with spoken():
            found = await self.studio.entries(
                _known(request),
                limit=count(limit, MOST),
                before=str(before),
                query=str(query),
                starred=bool(starred),
            )
        return [await self._entry(entry) for entry in found]

    async def backends(self, request: gr.Request | None = None) -> list[dict[str, Any]]:
        """List the backends: what they offer, whether they are ready, and why not."""
        with spoken():
            caller = caller_of(request)
        closed = self.studio.closed_to(caller)
        found = self.studio.backends_of(caller.owner)
        return [described(backend, closed.get(name)) for name, backend in found.items()]

    async def _make(
        self,
        task: Task,
        backend: str,
        wishes: dict[str, Any],
        most_usd: Any,
        request: gr.Request | None,
    ) -> tuple[gr.FileData, dict[str, Any]]:
        with spoken():
            caller = caller_of(request)
            job = await self._submit(task, backend, wishes, caller, most_usd, lenient=True)
            done = await self.studio.result(job.id, owner=caller.owner, patient=False)
            if done.stop:  # it would wait for a person, and nothing was spent yet
                await self.studio.cancel(job.id, owner=caller.owner)
                raise NotReadyError(messages.stopped(done.stop))
            if done.entry is None:
                raise PlaygroundError(messages.failure(done.job) or f"{messages.state(done)}.")
            path = await self._copy(done.entry)
        return gr.FileData(path=path), await self._entry(done.entry)

    async def _job(self, job_id: str, caller: Caller) -> Job:
        """Return a job of the caller; a stranger's opens to whoever has its id.

        Such an owner exists for one request, so its unguessable id is all that is left of it.
        """
        if not caller.stranger:
            return await self.studio.job(job_id, owner=caller.owner)
        job = await self.studio.job(job_id)
        owner = job.owner if job.owner.startswith(STRANGER) else caller.owner
        return await self.studio.job(job_id, owner=owner)

    async def _submit(
        self,
        task: Task,
        backend: str,
        wishes: dict[str, Any],
        caller: Caller,
        most_usd: Any,
        *,
        lenient: bool = False,
    ) -> Job:
        backend = backend or self.default_backend
        kind = self.studio.kind(backend, task)
        if lenient:
            wishes = touched(wishes, frozenset(kind.model_fields))
        if "image" in wishes:
            wishes["image"] = await self.uploads.picture(plain(wishes["image"]))
        return await self.studio.submit(
            backend,
            parse(kind, wishes),
            owner=caller.owner,
            address=caller.address,
            consent=Consent(most_usd=amount(most_usd, "max_price_usd")),
        )

    async def _entry(self, entry: Entry) -> dict[str, Any]:
        addresses = {
            "file": "/" + await self.media.url(entry),
            "thumbnail": "/" + await self.media.url(entry, "thumbnail"),
        }
        return entry.as_dict() | addresses

    async def _copy(self, entry: Entry) -> str:
        """Copy the file, byte for byte, to where Gradio hands files out."""
        data = await self.studio.file(entry.file)
        name = PurePosixPath(entry.file).name
        return await asyncio.to_thread(folder.keep, data, name)


def _known(request: gr.Request | None) -> str:
    """Return the owner whose list is asked for, or say how a stranger names one."""
    caller = caller_of(request)
    if caller.stranger:
        raise InputError(messages.NO_OWNER, advice=messages.HOW_TO_SAY_WHO)
    return caller.owner
