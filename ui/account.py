"""Signing in and out, and the offer to take along what the browser made before."""

from __future__ import annotations

import json
from typing import Any, Literal

import gradio as gr

from core.errors import PlaygroundError
from core.studio import Studio
from core.words import say
from ui import markup, messages
from ui.generate.session import FREE, PRIVATE
from ui.generate.tab import Update
from ui.server.gradio_patches import hub_login
from ui.server.gradio_patches.hub_login import END, START, TARGET
from ui.server.owner import browser_of, owner_of
from ui.server.sign_in import user_of

Login = Literal["", "password", "account"]
"""How users sign in: not at all, with a password, or with an account of Hugging Face."""

# Inside another site's page a browser may keep no cookie of ours, and the hub may not be shown.
GO = f"""(label) => {{
  const here = '?{TARGET}=' + encodeURIComponent('/' + location.search);
  if (label !== {json.dumps(say("sign-in-with-hub"))}) location.assign('{END}' + here);
  else if (window.top === window) location.assign('{START}' + here);
  else window.open('{START}' + here, '_blank');
}}"""
AGAIN = "() => location.reload()"


def button(login: Login) -> gr.LoginButton | None:
    """Return what makes Gradio serve its login; to be called before the page is begun."""
    if login != "account":
        return None
    return hub_login.button(say("sign-in-with-hub"), size="sm", elem_id="sign-in")


def build(
    studio: Studio,
    login: Login,
    signing_in: gr.LoginButton | None,
    who: gr.BrowserState,
    load: Any,
) -> None:
    """Lay it out as far as users sign in; `load` is the page's load event."""
    if signing_in:
        signing_in.render()
        signing_in.click(None, [signing_in], None, js=GO, **PRIVATE)
        load(_label, None, [signing_in], **FREE)
    if login:
        _offer(studio, who, load)


def _label(request: gr.Request) -> str:
    user = user_of(request)
    return messages.sign_out(user.name) if user else say("sign-in-with-hub")


def _offer(studio: Studio, who: gr.BrowserState, load: Any) -> None:
    """Offer it once: what was left stays left, until the browser has made more without a user."""
    left = gr.BrowserState(0, storage_key="srpo-left", secret="srpo")
    with gr.Row(visible=False, elem_id="take-along", elem_classes="offer") as bar:
        question = gr.HTML(apply_default_css=False)
        take = gr.Button(say("take-yes"), size="sm", variant="primary")
        leave = gr.Button(say("not-now"), size="sm")

    async def ask(token: Any, before: Any, request: gr.Request) -> Update:
        """Ask a user who signed in on a browser that has something of its own."""
        images, under_way = await _left(token, request)
        known = before if isinstance(before, int) else 0
        if images + under_way <= known:
            return {bar: gr.update(visible=False), question: ""}
        asked = markup.notice(messages.take_along(images, under_way), "info")
        return {bar: gr.update(visible=True), question: asked}

    async def _left(token: Any, request: gr.Request) -> tuple[int, int]:
        browser = browser_of(token)
        signed_in = owner_of(request, token).startswith("user:")
        if not browser or not signed_in or studio.closed:
            return 0, 0
        return await studio.held(browser)

    async def take_along(token: Any, request: gr.Request) -> Update:
        """Give what this browser's token has to the user."""
        owner, browser = owner_of(request, token), browser_of(token)
        try:
            if browser and owner.startswith("user:"):
                await studio.hand_over(browser, owner)
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error
        return {bar: gr.update(visible=False)}

    async def not_now(token: Any, request: gr.Request) -> Update:
        return {bar: gr.update(visible=False), left: sum(await _left(token, request))}

    load(ask, [who, left], [bar, question], **FREE)
    taken = take.click(take_along, [who], [bar], **PRIVATE)
    taken.success(None, None, None, js=AGAIN, **PRIVATE)
    leave.click(not_now, [who], [bar, left], **PRIVATE)
