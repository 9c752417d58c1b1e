"""The code panel: the form as it stands, as programs to copy."""

from __future__ import annotations

from typing import Any

import gradio as gr

from core.backend import Backend
from core.code import source_file
from core.params import Params
from core.words import say
from ui import messages
from ui.generate.snippets import Calling, programs
from ui.server.caller import seen_of
from ui.server.owner import owner_of
from ui.server.sign_in import ACCOUNT

SHOW = "watch('value', () => srpo.code(props.value));"


def build() -> gr.HTML:
    """Make the component that opens the panel; it is rendered by whoever wires it."""
    return gr.HTML({}, html_template="", js_on_load=SHOW, elem_classes="restorer", render=False)


def calling(who: Any, request: gr.Request) -> Calling:
    """Say how a script of whoever asks calls this playground, and as whom."""
    owner, page = owner_of(request, who), seen_of(request.headers).page
    if owner.startswith(ACCOUNT):
        return Calling(page, token=say("token-paste"))
    token = str(who) if owner.startswith("browser:") and who else ""
    return Calling(page, token, request.username or "")


def panel(
    backend: Backend, params: Params, called: Calling, *, drawn: bool, source: str
) -> dict[str, Any]:
    """Return what `assets/code.js` shows.

    `drawn` says that the seed was drawn for it, `source` is the address of the source image.
    """
    made = programs(params.task, backend, params, called)
    notes = [say("code-seed", seed=params.known_seed)] if drawn else []
    return {
        "title": say("code-title"),
        "note": " ".join(notes),
        "programs": [[one.title, one.text] for one in made],
        "source": [messages.code_source(source_file(params)), source_file(params), source],
        "copy": say("copy"),
        "copied": say("copied"),
        "close": say("close"),
    }
