"""The named API of sets: one request over targets and axes, as Gradio endpoints and MCP tools."""

# No `from __future__ import annotations` here: Gradio reads the return types off the signature.

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.caller import STRANGER
from core.errors import InputError
from core.jobs.job import iso
from core.jobs.set_jobs import Wish
from core.jobs.sets import SetSummary, unknown
from core.params import Params, Task
from core.studio import Studio
from core.words import say
from ui.api_arguments import count, named, plain, spoken, task_named
from ui.server.owner import caller_of
from ui.server.uploads import Uploads

MOST = 200


@dataclass(frozen=True, slots=True)
class SetApi:
    """The endpoints of sets; each is thin around the studio."""

    studio: Studio
    uploads: Uploads

    def register(self) -> None:
        """Add the endpoints to the Blocks being built."""
        for endpoint in (self.submit_set, self.set, self.sets):
            name = endpoint.__name__
            gr.api(endpoint, api_name=name, concurrency_limit=None, concurrency_id=f"api {name}")

    async def submit_set(
        self,
        task: str,
        base: dict[str, Any],
        axes: list[Any],
        targets: list[Any],
        image: gr.FileData | None = None,
        title: str = "",
        dry_run: bool = False,
        request: gr.Request | None = None,
    ) -> dict[str, Any]:
        """Make one request over several targets and values: every combination once, or nothing.

        Args:
            task: text-to-image or image-to-image.
            base: The params that all images share, as for `submit`. `{calm|stormy}` in the prompt
                is an axis.
            axes: At most three, such as {"field": "seed", "values": [1, 2, 3]}; "size" takes values
                like "1024x768"; with "replace" the values of "prompt" replace that part of it.
            targets: Backend and model pairs, such as {"backend": "wavespeed", "model": ""}.
            image: The image to start from, on image-to-image.
            title: What to call the set; empty for the prompt.
            dry_run: Only tell count, price, notes and errors; nothing is written or sent.
        """
        with spoken():
            caller = caller_of(request)
            start, known = None, task_named(task)
            if image:
                given = await self.uploads.picture(plain(image))
                start = await self.uploads.fitted(given, *self._kinds(known, targets))
            wish = Wish(known, named(base), axes, targets, start, str(title))
            if dry_run:
                return self.studio.draft_set(wish, owner=caller.owner).as_dict()
            made = await self.studio.submit_set(wish, owner=caller.owner, address=caller.address)
            return made.as_dict()

    def _kinds(self, task: Task, targets: Any) -> list[type[Params]]:
        """Return the params of those targets that there are; what is wrong is said by the set."""
        wished = targets if isinstance(targets, list) else []
        names = [str(one.get("backend")) for one in wished if isinstance(one, Mapping)]
        there = [self.studio.backends[name] for name in names if name in self.studio.backends]
        return [backend.tasks[task] for backend in there if task in backend.tasks]

    async def set(self, id: str, request: gr.Request | None = None) -> dict[str, Any]:  # noqa: A002
        """Tell how a set stands, cell by cell.

        Args:
            id: The set's id.
        """
        with spoken():
            caller = caller_of(request)
            found = await self.studio.set(str(id), owner=None if caller.stranger else caller.owner)
            # A stranger's owner exists for one request; the unguessable id is all that is left.
            if caller.stranger and not found.owner.startswith(STRANGER):
                raise unknown()
            return found.as_dict()

    async def sets(
        self, limit: int = 50, before: str = "", request: gr.Request | None = None
    ) -> list[dict[str, Any]]:
        """List the caller's sets, newest first.

        Args:
            limit: How many at most, up to 200.
            before: Only those older than the set with this id.
        """
        with spoken():
            found = await self.studio.sets(
                _owner(request), limit=count(limit, MOST), before=str(before)
            )
        return [_listed(one) for one in found]


def _listed(one: SetSummary) -> dict[str, Any]:
    """Return a set as a list shows it."""
    names = ("id", "title", "task", "count", "finished", "active", "paused")
    return {name: getattr(one, name) for name in names} | {"created_at": iso(one.created_at)}


def _owner(request: gr.Request | None) -> str:
    """Return the owner whose sets are asked for, or say how a stranger names one."""
    caller = caller_of(request)
    if caller.stranger:
        raise InputError(say("no-owner"), advice=say("how-to-say-who"))
    return caller.owner
