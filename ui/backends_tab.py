"""The Backends tab: which are ready, why the others are not, and how programs call this one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import gradio as gr

from core.backend import Loadable
from core.caller import Caller
from core.errors import PlaygroundError
from core.studio import Studio
from core.tokens import Tokens
from core.words import say
from ui import markup, messages
from ui.generate.session import FREE, PRIVATE
from ui.generate.tab import Update
from ui.own_key import Keys
from ui.server.caller import seen_of
from ui.server.owner import caller_of, new_token, owner_of
from ui.server.sign_in import ACCOUNT
from ui.space_owner import NOBODY, SpaceOwner

CLIENT = """from gradio_client import Client

client = Client("{url}"{who})
image, info = client.predict(
    prompt="A white boat on a teal sea at sunset",
    api_name="/text_to_image",
)
print(image, info["seed"])"""
CURL = """curl -s {url}/gradio_api/call/v2/text_to_image \\
  -H "Content-Type: application/json" \\{header}
  -d '{{"prompt": "A white boat on a teal sea at sunset"}}' \\
  | sed 's/.*"event_id" *: *"\\([^"]*\\)".*/\\1/' \\
  | xargs -I ID curl -sN {url}/gradio_api/call/text_to_image/ID"""
MCP = """{{
  "mcpServers": {{
    "flux-srpo-playground": {{"url": "{url}/gradio_api/mcp/"{headers}}}
  }}
}}"""

COPY = """
element.addEventListener('click', async (event) => {
  const button = event.target.closest('button.copy');
  if (!button) return;
  await srpo.copy(button.closest('section').querySelector('pre').innerText);
  button.textContent = srpo.texts.copied;
  setTimeout(() => { button.textContent = srpo.texts.copy; }, 1500);
});
"""


def build(
    studio: Studio, tokens: Tokens, who: gr.BrowserState, owner: SpaceOwner = NOBODY
) -> list[Any]:
    """Lay the tab out; `who` is the token by which the browser is known.

    `owner` is what whoever runs a Space can still add.

    Returns the events after which the visitor's own keys are others than before.
    """
    backends = studio.backends
    with gr.Tab(say("tab-backends"), id="backends", render_children=True) as item:
        plain = {"apply_default_css": False}
        drawn = markup.backends(list(backends.values()), closed=_closed(studio))
        cards = gr.HTML(drawn, elem_id="backends-cards", **plain)
        resume = gr.Button(
            say("backends-resume"), size="sm", visible=False, elem_id="backends-resume"
        )
        again = gr.Button(
            say("backends-load-again"), size="sm", visible=False, elem_id="backends-load"
        )
        ticks = gr.Timer(1.0, active=False)
        if owner.can_add:
            gr.HTML(markup.for_the_owner(owner.can_add), elem_id="backends-owner", **plain)
        own = Keys(studio, who)
        keys = own.build()
        gr.HTML(markup.programs(), elem_classes="programs", **plain)
        token = gr.HTML(elem_id="backends-token", js_on_load=COPY, **plain)
        renew = gr.Button(say("token-renew"), size="sm", visible=False, elem_id="backends-renew")
        snippets = gr.HTML(elem_id="backends-snippets", js_on_load=COPY, **plain)

    models = [backend for backend in backends.values() if isinstance(backend, Loadable)]

    def stand(who: Any, request: gr.Request) -> Update:
        """Draw how the backends stand, and look again soon while one is being loaded."""
        stages = {backend.readiness().stage for backend in models}
        caller = caller_of(request, who, studio.admins)
        shown, own = studio.backends_of(caller.owner), studio.own_backends(caller.owner)
        closed, stopped = _closed(studio, caller), _stopped(studio, caller)
        return {
            cards: markup.backends(list(shown.values()), own, closed=closed, stopped=stopped),
            resume: gr.update(visible=caller.admin and bool(stopped)),
            again: gr.update(visible="error" in stages),
            ticks: gr.update(active=bool(stages & {"loading", "warming"})),
        }

    async def go_on(who: Any, request: gr.Request) -> Update:
        """Let every queue that stopped send again, if an admin says so."""
        if caller_of(request, who, studio.admins).admin:
            studio.resume_queues()
        else:
            gr.Warning(say("not-yours"))
        return stand(who, request)

    async def load(who: Any, request: gr.Request) -> AsyncIterator[Update]:
        """Try once more to load what could not be loaded."""
        failed = [backend for backend in models if backend.readiness().stage == "error"]
        work = [asyncio.ensure_future(backend.load()) for backend in failed]
        await asyncio.sleep(0)
        loading = {again: gr.update(visible=False), ticks: gr.update(active=True)}
        yield stand(who, request) | loading
        await asyncio.gather(*work)
        yield stand(who, request)

    def programs(who: Any, request: gr.Request) -> Update:
        """Draw how a script of this caller calls, and as whom."""
        owner, page = owner_of(request, who), seen_of(request.headers).page
        if owner.startswith(ACCOUNT):
            return of_account(owner, page)
        kind = owner.partition(":")[0]
        shown = str(who) if kind in ("browser", "local") and who else ""
        sent = shown if kind == "browser" else ""
        return {
            token: markup.token(shown, say(f"scripts-{kind}")),
            renew: gr.update(visible=kind == "browser", value=say("token-renew")),
            snippets: markup.snippets(texts(page, sent, request.username or "")),
        }

    def of_account(owner: str, page: str, fresh: str = "") -> Update:
        """Draw the same for a user of Hugging Face, whose token is shown once."""
        known = tokens.issued(owner)
        about = say(f"scripts-{'once' if fresh else 'issued' if known else 'account'}")
        return {
            token: markup.token(fresh, about),
            renew: gr.update(visible=True, value=say("token-renew" if known else "token-issue")),
            snippets: markup.snippets(texts(page, fresh or say("token-paste"))),
        }

    def show(who: Any, request: gr.Request) -> Update:
        return stand(who, request) | own.told(owner_of(request, who)) | programs(who, request)

    async def renewed(old: Any, request: gr.Request) -> Update:
        """Draw another token for this browser and give it all that the old one has."""
        owner = owner_of(request, old)
        if owner.startswith(ACCOUNT):
            return {who: old} | await reissued(owner, seen_of(request.headers).page)
        new = new_token()
        await studio.hand_over(owner, owner_of(request, new))
        gr.Info(say("token-renewed"))
        return {who: new} | programs(new, request)

    async def reissued(owner: str, page: str) -> Update:
        try:
            return of_account(owner, page, await tokens.renew(owner))
        except PlaygroundError as error:
            raise gr.Error(messages.trouble(error), print_exception=False) from error

    told = [token, renew, snippets]
    standing = [cards, resume, again, ticks]
    item.select(show, [who], [*standing, *own.notices.values(), *told], **PRIVATE)
    for event in keys:
        event.then(stand, [who], standing, **FREE)
    renew.click(renewed, [who], [who, *told], **PRIVATE)
    ticks.tick(stand, [who], standing, **FREE)
    again.click(load, [who], standing, **FREE)
    resume.click(go_on, [who], standing, **PRIVATE)
    return keys


def _closed(studio: Studio, caller: Caller | None = None) -> dict[str, str]:
    """Say why backends take nothing from a caller; to an admin, what to set."""
    found = studio.closed_to(caller)
    labels = [studio.backends[name].label for name in found]
    for_admin = messages.locked(labels) if caller and caller.admin else ""
    return {name: for_admin or messages.trouble(error) for name, error in found.items()}


def _stopped(studio: Studio, caller: Caller) -> dict[str, str]:
    """Say why queues send nothing, and who can resume them."""
    whom = messages.who_resumes(caller, studio.admins)
    reasons = studio.stopped()
    return {name: messages.joined([messages.stopped(why), whom]) for name, why in reasons.items()}


def texts(url: str, token: str = "", user: str = "") -> dict[str, str]:
    """Return the pieces of code; with a token or a user they say who calls."""
    if token:
        who = f', headers={{"X-SRPO-Token": "{token}"}}'
        header = f'\n  -H "X-SRPO-Token: {token}" \\'
        headers = f', "headers": {{"X-SRPO-Token": "{token}"}}'
    else:
        who = f', auth=("{user}", "your password")' if user else ""
        header = headers = ""
    return {
        "Python: gradio_client": CLIENT.format(url=url, who=who),
        "Shell: curl": CURL.format(url=url, header=header),
        say("snippet-mcp"): MCP.format(url=url, headers=headers),
    }
