"""The History tab: thumbnails newest first, the details of one, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.errors import PlaygroundError
from core.history import Entry
from core.studio import Studio
from ui import markup, messages
from ui.clicks import text
from ui.generate.handlers import PRIVATE
from ui.generate.tab import Update
from ui.server.owner import owner_of
from ui.server.routes import Media

PAGE = 48
# Gradio evaluates a template as code after it has filled in `{{ }}`, so these would run what a
# prompt contains; a value inside `${ }` is only ever a value, and is escaped here.
GRID = """${((plain) => `<div class="grid" role="list">${value.entries.map((one) => `
<div role="listitem"><button type="button" class="thumb" data-entry="${plain(one.id)}"
title="${plain(one.prompt)}"><img loading="lazy" src="${plain(one.thumbnail)}"
alt="${plain(one.prompt)}">${one.starred ? '<span class="star" aria-label="Starred">★</span>' : ''
}${one.sandbox ? '<span class="tag">sandbox</span>' : ''}</button></div>`).join('')}</div>${
value.note ? `<p class="note">${plain(value.note)}</p>` : ''}`)(
(text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`))}"""
PICK = """
element.addEventListener('click', (event) => {
  const thumb = event.target.closest('button.thumb');
  if (!thumb) return;
  for (const other of element.querySelectorAll('.thumb')) {
    other.classList.toggle('chosen', other === thumb);
    other.setAttribute('aria-current', other === thumb);
  }
  trigger('pick', {entry: thumb.dataset.entry});
  const show = () => document.querySelector('.chosen-entry')?.scrollIntoView();
  if (innerWidth <= 980) setTimeout(show, 400);
});
"""


@dataclass(frozen=True, slots=True)
class HistoryTab:
    """The components of the History tab."""

    item: gr.Tab
    search: gr.Textbox
    starred: gr.Checkbox
    grid: gr.HTML
    more: gr.Button
    panel: gr.Column
    details: gr.HTML
    chosen: gr.Textbox
    use_all: gr.Button
    use_prompt: gr.Button
    use_settings: gr.Button
    send: gr.Button
    star: gr.Button
    delete: gr.Button
    drop: gr.UploadButton


def build() -> HistoryTab:
    """Lay the tab out."""
    with gr.Tab("History", id="history", render_children=True) as item:
        with gr.Row(elem_classes="search"):
            search = gr.Textbox(
                label="Search in prompts",
                elem_id="history-search",
                elem_classes="field text",
                scale=4,
                min_width=200,
            )
            starred = gr.Checkbox(
                label="Starred only", elem_id="history-starred", scale=1, min_width=120
            )
            drop = gr.UploadButton(
                "Restore settings from a file",
                file_types=["image"],
                size="sm",
                elem_id="history-drop",
                scale=1,
                min_width=200,
            )
        with gr.Row(elem_classes="columns"):
            with gr.Column(scale=3, min_width=320):
                grid = gr.HTML(
                    {"entries": [], "note": ""},
                    html_template=GRID,
                    js_on_load=PICK,
                    elem_id="history-grid",
                    apply_default_css=False,
                )
                more = gr.Button("Show more", visible=False, elem_id="history-more")
            with gr.Column(
                scale=2, min_width=320, visible=False, elem_classes="chosen-entry"
            ) as panel:
                details, buttons = _panel()
    return HistoryTab(
        item=item,
        search=search,
        starred=starred,
        grid=grid,
        more=more,
        panel=panel,
        details=details,
        drop=drop,
        **buttons,
    )


def _panel() -> tuple[gr.HTML, dict[str, Any]]:
    buttons: dict[str, Any] = {"chosen": gr.Textbox("", visible=False)}
    with gr.Row(elem_classes="acts"):
        buttons["use_all"] = gr.Button("Use all settings", size="sm", elem_id="use-all")
        buttons["use_prompt"] = gr.Button("Use prompt only", size="sm", elem_id="use-prompt")
        buttons["use_settings"] = gr.Button(
            "Use settings, new seed", size="sm", elem_id="use-settings"
        )
    with gr.Row(elem_classes="acts"):
        buttons["send"] = gr.Button("Send to image-to-image", size="sm", elem_id="history-send")
        buttons["star"] = gr.Button("Star", size="sm", elem_id="history-star")
        buttons["delete"] = gr.Button("Delete", size="sm", variant="stop", elem_id="history-delete")
    return gr.HTML(elem_id="history-details", apply_default_css=False), buttons


@dataclass(frozen=True, slots=True)
class HistoryHandlers:
    """The handlers of the History tab, as far as they stay in it."""

    tab: HistoryTab
    studio: Studio
    media: Media
    who: gr.BrowserState

    def wire(self) -> None:
        """Connect the tab's components."""
        tab = self.tab
        asked = [self.who, tab.search, tab.starred]
        listed = [tab.grid, tab.more]
        gr.on(
            [tab.item.select, tab.search.change, tab.starred.input],
            self.list,
            asked,
            listed,
            trigger_mode="always_last",
            **PRIVATE,
        )
        tab.more.click(self.extend, [*asked, tab.grid], listed, **PRIVATE)
        panel = [tab.panel, tab.details, tab.chosen, tab.star]
        tab.grid.pick(self.pick, [self.who], panel, **PRIVATE)
        one = [*asked, tab.chosen]
        tab.star.click(self.star, one, [*listed, *panel], **PRIVATE)
        sure = (
            "(...values) => confirm('Delete this image for good?')"
            " ? values : [...values.slice(0, -1), '']"
        )
        tab.delete.click(self.delete, one, [*listed, *panel], js=sure, **PRIVATE)

    async def list(self, who: str, query: str, starred: bool, request: gr.Request) -> Update:
        """Show the first page."""
        owner = owner_of(request, who)
        found = await self.studio.entries(owner, limit=PAGE + 1, query=query or "", starred=starred)
        return await self._grid([], found, query or starred)

    async def extend(
        self, who: str, query: str, starred: bool, grid: Any, request: gr.Request
    ) -> Update:
        """Show the next page below the ones that are there."""
        shown = grid["entries"] if isinstance(grid, dict) else []
        before = str(shown[-1]["id"]) if shown else ""
        found = await self.studio.entries(
            owner_of(request, who),
            limit=PAGE + 1,
            before=before,
            query=query or "",
            starred=starred,
        )
        return await self._grid(shown, found, query or starred)

    async def _grid(self, shown: Sequence[Any], found: Sequence[Entry], narrowed: Any) -> Update:
        entries = [*shown, *[await self._thumb(entry) for entry in found[:PAGE]]]
        note = "" if entries else messages.NO_MATCH if narrowed else messages.EMPTY_HISTORY
        return {
            self.tab.grid: {"entries": entries, "note": note},
            self.tab.more: gr.update(visible=len(found) > PAGE),
        }

    async def _thumb(self, entry: Entry) -> dict[str, Any]:
        return {
            "id": entry.id,
            "prompt": entry.prompt,
            "thumbnail": await self.media.url(entry, "thumbnail"),
            "starred": entry.starred,
            "sandbox": entry.sandbox,
        }

    async def pick(self, who: str, event: gr.EventData, request: gr.Request) -> Update:
        """Show the details of the entry that was chosen."""
        return await self._details(text(event, "entry"), owner_of(request, who))

    async def _details(self, entry_id: str, owner: str) -> Update:
        tab = self.tab
        try:
            entry = await self.studio.entry(entry_id, owner=owner)
        except PlaygroundError:
            return {tab.panel: gr.update(visible=False), tab.chosen: ""}
        return {
            tab.panel: gr.update(visible=True),
            tab.details: markup.facts(entry, await self.media.url(entry)),
            tab.chosen: entry.id,
            tab.star: gr.update(value="Unstar" if entry.starred else "Star"),
        }

    async def star(
        self, who: str, query: str, starred: bool, chosen: str, request: gr.Request
    ) -> Update:
        """Star or unstar the chosen entry."""
        owner = owner_of(request, who)
        try:
            entry = await self.studio.entry(chosen, owner=owner)
            await self.studio.star(chosen, owner=owner, starred=not entry.starred)
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error
        listed = await self.list(who, query, starred, request)
        return listed | await self._details(chosen, owner)

    async def delete(
        self, who: str, query: str, starred: bool, chosen: str, request: gr.Request
    ) -> Update:
        """Delete the chosen entry; the page has asked before, and sends "" when it was a no."""
        if not chosen:
            return {self.tab.panel: gr.update(visible=True)}
        owner = owner_of(request, who)
        try:
            await self.studio.delete(chosen, owner=owner)
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error
        listed = await self.list(who, query, starred, request)
        return listed | {self.tab.panel: gr.update(visible=False), self.tab.chosen: ""}
