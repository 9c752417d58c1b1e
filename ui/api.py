"""The named API: Gradio endpoints that are MCP tools too; names, order and types are a contract."""

# No `from __future__ import annotations` here: Gradio reads the return types off the signature.

import asyncio
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import gradio as gr

from core.caller import STRANGER, Caller
from core.errors import InputError, NotReadyError, PlaygroundError
from core.exports.image import Wish
from core.history import Entry, Wanted
from core.jobs.consent import Consent
from core.jobs.job import Job
from core.money import amount
from core.params import Task
from core.parsing import parse
from core.studio import Studio
from core.words import english, say
from ui import messages
from ui.api_arguments import (
    count,
    described,
    moment,
    named,
    plain,
    spoken,
    states_named,
    task_named,
    touched,
)
from ui.server.gradio_patches import folder
from ui.server.gradio_patches.outliving import apart
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
            self.export,
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
        """Make an image from a text prompt and return it with everything needed to make it again.

        Args:
            prompt: What the image shows, in plain words.
            backend: Which backend makes it, by its id; empty for the default one.
            model: Which of the backend's models; empty for its default.
            width: Width in pixels.
            height: Height in pixels.
            steps: Number of denoising steps.
            guidance: How closely the image follows the prompt; 0 for the backend's default.
            seed: Same seed and settings, same image; -1 draws one.
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
        """Make an image from another image and a text prompt; the output follows its size.

        Args:
            image: The image to start from: PNG, JPEG, WebP or AVIF.
            prompt: What the new image shows, in plain words.
            backend: Which backend makes it, by its id; empty for the default one.
            model: Which of the backend's models; empty for its default.
            strength: 0 keeps the image, 1 replaces it.
            steps: Number of denoising steps.
            guidance: How closely the image follows the prompt; 0 for the backend's default.
            seed: Same seed and settings, same image; -1 draws one.
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
            image: The image to start from, on image-to-image.
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
        after: str = "",
        backend: str = "",
        model: str = "",
        task: str = "",
        since: str = "",
        until: str = "",
        collection: str = "",
        colour: str = "",
        like: str = "",
        flagged: bool | None = None,
        request: gr.Request | None = None,
    ) -> list[dict[str, Any]]:
        """List the caller's finished images, newest first; what is given must all be so.

        Args:
            limit: How many at most, up to 500.
            before: Only those older than the entry with this id.
            query: Words of prompt, title and note, or their beginn*; "a phrase", -without this.
            starred: Only starred ones.
            after: Only those newer than the entry with this id, the nearest of them.
            backend: Only those of the backend with this id.
            model: Only those of this model.
            task: Only those of this task: text-to-image or image-to-image.
            since: Made at this time or later: 2026-01-31, or 2026-01-31T18:30:00Z; UTC.
            until: Made before this time; a date includes its day.
            collection: Only those in the collection with this title or id.
            colour: Those with the most of this colour first, such as #4488d8.
            like: Those that look most like the entry with this id first.
            flagged: true for those only that the service flagged as unsafe, false for the others.
        """
        with spoken():
            owner = _known(request)
            wanted = Wanted(
                query=str(query),
                starred=bool(starred) or None,
                backend=str(backend),
                model=str(model),
                task=task_named(task) if task else "",
                since=moment(since, "since"),
                until=moment(until, "until"),
                collection=await self._collection(str(collection), owner),
                colour=str(colour),
                like=str(like),
                flagged=None if flagged is None else bool(flagged),
            )
            found = await self.studio.entries(
                owner,
                limit=count(limit, MOST),
                before=str(before),
                after=str(after),
                wanted=wanted,
            )
        return [await self._entry(entry) for entry in found]

    async def _collection(self, named: str, owner: str) -> str:
        """Return the id of an owner's collection by its title or id; "" for none."""
        if not named:
            return ""
        known = await self.studio.collections(owner)
        if found := next((one for one in known if named in (one.id, one.title)), None):
            return found.id
        raise InputError(
            english("no-such-collection"), field="collection", advice=english("look-at-collections")
        )

    async def export(
        self,
        ids: list[Any],
        profile: str = "share",
        format: str = "",  # noqa: A002 the endpoint's own word
        quality: int = 90,
        longest: int = 0,
        names: str = "",
        request: gr.Request | None = None,
    ) -> gr.FileData:
        """Return images as a zip with a table of what is in it; what cannot be had is said there.

        Args:
            ids: The entries' ids, as `history` lists them; up to 20,000.
            profile: full has everything inside each file, share what other programs read and no
                price, request id or owner, clean no metadata at all.
            format: png, jpeg or webp; empty for each as it is kept.
            quality: Of JPEG and WebP, 1 to 100; a WebP of 100 loses nothing.
            longest: Most pixels of the longer side; 0 for as many as there are.
            names: A template such as {date}-{seed}-{prompt:40}; empty for the usual one.
        """
        with spoken():
            wish = Wish.of(profile, format, quality=quality, longest=longest, template=names)
            path = folder.place("images.zip")
            chosen = ids if isinstance(ids, list) else []
            await self.studio.export_file(path, chosen, wish, owner=_known(request))
        return gr.FileData(path=str(path))

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
            picture = await self.uploads.picture(plain(wishes["image"]))
            wishes["image"] = await self.uploads.fitted(picture, kind)
        return await apart(
            self.studio.submit(
                backend,
                parse(kind, wishes),
                owner=caller.owner,
                address=caller.address,
                consent=Consent(most_usd=amount(most_usd, "max_price_usd")),
            )
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
        raise InputError(say("no-owner"), advice=say("how-to-say-who"))
    return caller.owner
