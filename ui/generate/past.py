"""Earlier prompts: those of the images in the history, found while somebody types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.errors import PlaygroundError
from core.studio import Studio
from ui.clicks import text
from ui.generate.session import FREE
from ui.server.owner import owner_of

MOST = 40
LONGEST = 200
"""Letters of what is typed that are looked for."""
FOUND = """
srpo.findPrompts((query) => trigger('past', {query}));
srpo.findCompletions((typed) => trigger('past', {typed}));
watch('value', () => {
  srpo.promptsFound(props.value);
  srpo.completionsFound(props.value);
});
"""
"""The lists of `assets/prompt.js` and `assets/complete.js` ask and are told what was found."""


@dataclass(frozen=True, slots=True)
class PastPrompts:
    """Answers what the list of earlier prompts asks for."""

    studio: Studio
    who: gr.BrowserState

    def build(self) -> None:
        """Add the part of the page that asks and is told; nothing of it is seen."""
        found = gr.HTML({}, html_template="", js_on_load=FOUND, elem_classes="restorer")
        found.past(self.find_prompts, [self.who], [found], trigger_mode="multiple", **FREE)

    async def find_prompts(
        self, who: str, event: gr.EventData, request: gr.Request
    ) -> dict[str, Any]:
        """Return prompts of the owner's newest images: a search's, or those that go on with one."""
        owner = owner_of(request, who)
        if typed := text(event, "typed")[:LONGEST]:
            return {"typed": typed, "completions": await self.studio.completions(owner, typed)}
        query = text(event, "query")[:LONGEST]
        try:
            found = await self.studio.prompts(owner, query, limit=MOST)
        except PlaygroundError:  # more words than a search can have: the browser's own are shown
            found = []
        return {"query": query, "prompts": list(found)}
