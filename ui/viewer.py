"""The viewer over the page: one image large, its source beside it, its facts, what can be done.

`assets/viewer.js` shows it; facts of an entry, and what is done with it, go through events here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from core.caller import Caller
from core.errors import PlaygroundError
from core.history import Entry
from core.studio import Studio
from core.words import say
from ui import markup, messages
from ui.clicks import number, text
from ui.generate import links, question
from ui.server.gradio_patches.outliving import apart
from ui.server.owner import caller_of, owner_of
from ui.server.routes import Media

HUB = """
srpo.viewing((event, detail) => {
  if (event === 'look') trigger('look', detail);
  if (event === 'mark') trigger('mark', detail);
  if (event === 'erase') trigger('erase', detail);
  if (event === 'use') trigger('use', detail);
  if (event === 'renew') trigger('renew', detail);
  if (event === 'words') trigger('words', detail);
  if (event === 'send') trigger('send', detail);
  if (event === 'publish') trigger('publish', detail);
  if (event === 'unpublish') trigger('unpublish', detail);
  if (event === 'withdraw') trigger('withdraw', detail);
  if (event === 'enlarge') trigger('enlarge', detail);
  if (event === 'refine') trigger('refine', detail);
});
watch('value', () => srpo.viewed(props.value));
"""
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
Shown = dict[str, Any]
"""An entry as assets/viewer.js takes it."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """The viewer; `who` is the token by which the browser is known."""

    studio: Studio
    media: Media
    who: gr.BrowserState
    ask_above: float = 0.1
    hub: gr.HTML = field(init=False)

    def __post_init__(self) -> None:
        """Make what hears of its events; it is never seen itself."""
        hub = gr.HTML({}, html_template="", js_on_load=HUB, elem_classes="restorer", render=False)
        object.__setattr__(self, "hub", hub)

    def build(self) -> None:
        """Add it to the page, and connect what stays in it."""
        gr.HTML(markup.viewer(), elem_classes="restorer", apply_default_css=False)
        self.hub.render()
        for event, handler in self._handlers().items():
            getattr(self.hub, event)(
                handler, [self.who], [self.hub], trigger_mode="multiple", **PRIVATE
            )

    def _handlers(self) -> dict[str, Callable[..., Any]]:
        handlers = {"look": self.look, "mark": self.mark, "erase": self.erase}
        handlers |= {"publish": self.publish, "unpublish": self.unpublish}
        handlers |= {"withdraw": self.withdraw}
        return handlers | {"enlarge": self.enlarge}

    async def look(self, who: str, event: gr.EventData, request: gr.Request) -> Shown:
        """Tell all of an entry; one that is gone, or somebody else's, is said to be missing."""
        entry_id = text(event, "entry")
        try:
            entry = await self.studio.entry(entry_id, owner=owner_of(request, who))
        except PlaygroundError:
            return {"id": entry_id, "missing": say("image-gone")}
        return await self._shown(entry, request, who)

    async def mark(self, who: str, event: gr.EventData, request: gr.Request) -> Shown:
        """Star or unstar an entry."""
        owner, entry_id = owner_of(request, who), text(event, "entry")
        try:
            entry = await self.studio.entry(entry_id, owner=owner)
            entry = await self.studio.star(entry_id, owner=owner, starred=not entry.starred)
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error
        return await self._shown(entry, request, who)

    async def enlarge(self, who: str, event: gr.EventData, request: gr.Request) -> Shown:
        """Enlarge an image by resampling, and show what came of it."""
        entry_id, factor = text(event, "entry"), number(event, "factor")
        try:
            entry = await apart(self.studio.enlarge(entry_id, factor, owner=owner_of(request, who)))
        except PlaygroundError as error:
            return {"id": entry_id, "trouble": messages.trouble(error)}
        return await self._shown(entry, request, who) | {"made": entry_id}

    async def erase(self, who: str, event: gr.EventData, request: gr.Request) -> Shown:
        """Delete an entry; the page has asked before."""
        entry_id = text(event, "entry")
        try:
            await self.studio.delete(entry_id, owner=owner_of(request, who))
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error
        return {"id": entry_id, "erased": True}

    async def publish(self, who: str, event: gr.EventData, request: gr.Request) -> Shown:
        """Make a link to look at an entry; its address is told this once."""
        owner, entry_id = owner_of(request, who), text(event, "entry")
        try:
            secret = await self.studio.share("image", entry_id, owner=owner)
            entry = await self.studio.entry(entry_id, owner=owner)
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error
        return await self._shown(entry, request, who) | {"link": f"s/{secret}"}

    async def withdraw(self, who: str, event: gr.EventData, request: gr.Request) -> Shown:
        """Delete an entry's image at the service that made it; the page has asked before."""
        owner, entry_id = owner_of(request, who), text(event, "entry")
        try:
            await self.studio.delete_at_service(entry_id, owner=owner)
            entry = await self.studio.entry(entry_id, owner=owner)
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error
        gr.Info(say("image-withdrawn"))
        return await self._shown(entry, request, who)

    async def unpublish(self, who: str, event: gr.EventData, request: gr.Request) -> Shown:
        """Revoke all links to an entry."""
        owner, entry_id = owner_of(request, who), text(event, "entry")
        try:
            entry = await self.studio.entry(entry_id, owner=owner)
            await self.studio.revoke_shares_of("image", entry_id, owner=owner)
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error
        return await self._shown(entry, request, who)

    async def _shown(self, entry: Entry, request: gr.Request, who: str) -> Shown:
        shares = await self.studio.shares(entry.owner, kind="image", target_id=entry.id)
        return {
            "settings": links.address(entry.task, entry.backend, entry.params),
            "sharing": self.studio.is_sharing(),
            "withdrawable": await self.studio.can_delete_at_service(entry),
            "shared": say("share-open", count=len(shares)) if shares else "",
            "id": entry.id,
            "url": await self.media.url(entry),
            "source": await self.media.url(entry, "source"),
            "prompt": entry.prompt,
            "width": entry.width,
            "height": entry.height,
            "starred": entry.starred,
            "flagged": entry.flagged,
            "facts": markup.viewed(entry, messages.labels(self.studio.backends)),
            "larger": await self._larger(entry, caller_of(request, who, self.studio.admins)),
        }

    async def _larger(self, entry: Entry, caller: Caller) -> list[dict[str, Any]]:
        """Return the ways to make an image larger, each with its label and what it is."""
        ways: list[dict[str, Any]] = [
            {
                "factor": factor,
                "label": say("viewer-larger-lanczos", factor=str(factor)),
                "about": say("viewer-larger-lanczos-about", width=str(width), height=str(height)),
            }
            for factor, (width, height) in self.studio.enlarged_sizes(entry).items()
        ]
        one = self.studio.refinement(entry, owner=caller.owner, address=caller.address)
        if one is None:
            return ways
        left = None
        if one.backend not in self.studio.own_backends(caller.owner):
            left = await self.studio.left_today_usd(caller.owner)
        asked = question.before_refining(one, left_usd=left, ask_above=self.ask_above)
        label = say(
            "viewer-larger-refine",
            width=str(one.width),
            height=str(one.height),
            backend=one.label,
            price=messages.price(one.price_usd),
        )
        about = say("viewer-larger-refine-about", strength=str(one.strength))
        return [*ways, {"label": label, "about": about, "price": one.price_usd, "ask": asked}]
