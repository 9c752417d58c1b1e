"""The named API of what is kept: star, delete, restore and collect images, one or many."""

# No `from __future__ import annotations` here: Gradio reads the return types off the signature.

from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.errors import InputError
from core.history import changes
from core.studio import Studio
from core.words import say
from ui.api_arguments import ids_named, spoken
from ui.server.owner import caller_of


@dataclass(frozen=True, slots=True)
class KeepApi:
    """The endpoints; each is thin around the studio."""

    studio: Studio

    def register(self) -> None:
        """Add the endpoints to the Blocks being built."""
        for endpoint in (self.star, self.delete, self.restore, self.collect):
            name = endpoint.__name__
            gr.api(endpoint, api_name=name, concurrency_limit=None, concurrency_id=f"api {name}")

    async def star(
        self,
        id: str,  # noqa: A002
        starred: bool = True,
        request: gr.Request | None = None,
    ) -> dict[str, Any]:
        """Star an image of the history, or take its star away.

        Args:
            id: The image's id, as `history` lists it.
            starred: false takes the star away.
        """
        with spoken():
            entry = await self.studio.star(str(id), owner=_owner(request), starred=bool(starred))
        return {"id": entry.id, "starred": entry.starred}

    async def delete(self, ids: list[str], request: gr.Request | None = None) -> dict[str, Any]:
        """Put images into the trash; for `days` days `restore` takes them back, then they go.

        Args:
            ids: Ids of images, as `history` lists them; where one is unknown nothing is deleted.
        """
        with spoken():
            owner, named = _owner(request), ids_named(ids)
            changing = self.studio.change_these(changes.throw_away(), named, owner=owner)
            return {"deleted": await changing, "days": self.studio.trash_days}

    async def restore(self, ids: list[str], request: gr.Request | None = None) -> dict[str, Any]:
        """Take images out of the trash.

        Args:
            ids: Ids of deleted images; where one is unknown nothing is restored.
        """
        with spoken():
            owner, named = _owner(request), ids_named(ids)
            changing = self.studio.change_these(changes.restore(), named, owner=owner)
            return {"restored": await changing}

    async def collect(
        self, ids: list[str], collection: str, request: gr.Request | None = None
    ) -> dict[str, Any]:
        """Put images into a collection; an image can be in several.

        Args:
            ids: Ids of images, as `history` lists them; where one is unknown nothing is collected.
            collection: The collection's title or id; one of that title is made if there is none.
        """
        with spoken():
            owner, named = _owner(request), ids_named(ids)
            await self.studio.check_known(named, owner=owner)
            chosen = await self.studio.collection_named(str(collection), owner=owner)
            changing = self.studio.change_these(changes.collect(chosen), named, owner=owner)
            return {"collection": chosen, "collected": await changing}


def _owner(request: gr.Request | None) -> str:
    """Return the owner whose images these are, or say how a stranger names one."""
    caller = caller_of(request)
    if caller.stranger:
        raise InputError(say("no-owner"), advice=say("how-to-say-who"))
    return caller.owner
