"""The History tab: thumbnails newest first, the details of one, and what can be done with it.

`assets/history.js` draws the grid and asks ui/server/gallery.py for what is in it; the details of
the chosen image come through events here.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from core.errors import PlaygroundError
from core.studio import Studio
from core.words import say
from ui import markup, messages
from ui.clicks import text
from ui.generate.session import PRIVATE
from ui.generate.tab import Update
from ui.server.gallery import Gallery
from ui.server.owner import owner_of
from ui.server.routes import Media
from ui.server.take_away import TakeAway

FETCH = """(address) => {
  if (!address) return;
  const link = document.createElement('a');
  link.href = address;
  link.download = 'images.zip';
  document.body.append(link);
  link.click();
  link.remove();
}"""
HUB = """
srpo.others().then(() => srpo.history.connect(element, (event, detail) => {
  if (event === 'pick') trigger('pick', detail);
}));
"""
OPENED = """
srpo.history.opening(() => trigger('open', {}));
watch('value', () => srpo.history.opened(props.value));
"""
CLOSER = """
element.addEventListener('click', (event) => {
  const link = event.target.closest('a[data-view]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  srpo.history.view(link.dataset.view);
});
"""
STAR = "(entry, label) => void srpo.history.starChosen(entry)"
DELETE = "(entry) => void srpo.history.deleteChosen(entry)"


@dataclass(frozen=True, slots=True)
class HistoryTab:
    """The components of the History tab."""

    item: gr.Tab
    grid: gr.HTML
    opened: gr.HTML
    """The key with which the page asks for thumbnails."""
    details: gr.HTML
    chosen: gr.Textbox
    use_all: gr.Button
    use_prompt: gr.Button
    use_settings: gr.Button
    send: gr.Button
    star: gr.Button
    delete: gr.Button
    drop: gr.UploadButton
    take: gr.Button
    address: gr.Textbox
    """Where the archive of all images is, for the browser to fetch."""


def build() -> HistoryTab:
    """Lay the tab out."""
    with (
        gr.Tab(say("tab-history"), id="history", render_children=True) as item,
        gr.Row(elem_classes="columns hist-columns"),
    ):
        with gr.Column(scale=3, min_width=320, elem_classes="hist-left"):
            grid = gr.HTML(
                markup.history(),
                js_on_load=HUB,
                elem_id="history-grid",
                apply_default_css=False,
            )
            opened = gr.HTML(
                {}, html_template="", js_on_load=OPENED, elem_classes="restorer", render=False
            )
            with gr.Column(elem_classes="hist-menu"):
                drop = gr.UploadButton(
                    say("history-restore"),
                    file_types=["image"],
                    size="sm",
                    elem_id="history-drop",
                )
                take = gr.Button(say("history-take-away"), size="sm", elem_id="history-take")
            address = gr.Textbox("", visible=False)
        with gr.Column(scale=2, min_width=320, elem_classes="chosen-entry"):
            details, buttons = _panel()
    return HistoryTab(
        item=item,
        grid=grid,
        opened=opened,
        details=details,
        drop=drop,
        take=take,
        address=address,
        **buttons,
    )


def _panel() -> tuple[gr.HTML, dict[str, Any]]:
    buttons: dict[str, Any] = {"chosen": gr.Textbox("", visible=False)}
    with gr.Row(elem_classes="acts"):
        buttons["use_all"] = gr.Button(say("history-use-all"), size="sm", elem_id="use-all")
        buttons["use_prompt"] = gr.Button(say("image-use-prompt"), size="sm", elem_id="use-prompt")
        buttons["use_settings"] = gr.Button(
            say("image-use-new-seed"), size="sm", elem_id="use-settings"
        )
    with gr.Row(elem_classes="acts"):
        buttons["send"] = gr.Button(say("history-send"), size="sm", elem_id="history-send")
        buttons["star"] = gr.Button(say("image-star"), size="sm", elem_id="history-star")
        buttons["delete"] = gr.Button(
            say("image-delete"), size="sm", variant="stop", elem_id="history-delete"
        )
    details = gr.HTML(
        markup.unchosen(),
        elem_id="history-details",
        js_on_load=CLOSER,
        apply_default_css=False,
    )
    return details, buttons


@dataclass(frozen=True, slots=True)
class HistoryHandlers:
    """The handlers of the History tab, as far as they stay in it."""

    tab: HistoryTab
    studio: Studio
    media: Media
    away: TakeAway
    who: gr.BrowserState
    keys: Any = field(default_factory=itertools.count)
    """Numbers the keys, so that the page hears of each."""

    def wire(self) -> None:
        """Connect the tab's components."""
        tab = self.tab
        panel = [tab.details, tab.chosen, tab.star]
        tab.opened.render()  # outside of all tabs: the viewer asks before the tab is shown
        tab.opened.open(self.open, [self.who], [tab.opened], **PRIVATE)
        tab.grid.pick(self.pick, [self.who], panel, trigger_mode="always_last", **PRIVATE)
        given = tab.take.click(self.take_away, [self.who], [tab.address], **PRIVATE)
        given.success(None, [tab.address], None, js=FETCH, **PRIVATE)
        tab.star.click(None, [tab.chosen], None, js=STAR, **PRIVATE)
        tab.delete.click(None, [tab.chosen], None, js=DELETE, **PRIVATE)

    async def open(self, who: str, request: gr.Request) -> dict[str, Any]:
        """Return the key with which the page asks for what this owner may see."""
        gallery = Gallery(self.studio, self.media)
        try:
            key = await gallery.key(owner_of(request, who))
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error
        return {"key": key, "number": next(self.keys)}

    async def take_away(self, who: str, request: gr.Request) -> str:
        """Return where all that this owner has made can be fetched as one file."""
        owner = owner_of(request, who)
        try:
            if not await self.studio.entries(owner, limit=1):
                gr.Info(say("gallery-empty"))
                return ""
            return await self.away.url(owner)
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error

    async def pick(self, who: str, event: gr.EventData, request: gr.Request) -> Update:
        """Show the details of the entry that was chosen; nothing where it is gone."""
        tab = self.tab
        try:
            entry = await self.studio.entry(text(event, "entry"), owner=owner_of(request, who))
        except PlaygroundError:
            return {tab.details: markup.unchosen(), tab.chosen: ""}
        return {
            tab.details: markup.facts(
                entry, await self.media.url(entry), messages.labels(self.studio.backends)
            ),
            tab.chosen: entry.id,
            tab.star: gr.update(value=say("gallery-unstar" if entry.starred else "image-star")),
        }
