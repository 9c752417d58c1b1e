"""Shows one page in several languages, each to whoever asks for it.

A page is built once, and its texts with it. It is built again in a further language when somebody
first asks for that, for its texts alone: what it is made of is the same, so that events mean the
same whoever sent them. Events
work in the queue and not in the request that asked for them; they speak the language of that
request, and calls of the named API speak English. Gradio's own texts follow `navigator.language`,
which the page sets to the language it is in.

Relies on `Blocks.config`, from which the page and `/config` are answered, on `Blocks.process_api`,
which works every event, and on the template of the page.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr
from gradio import routes
from gradio.queueing import Queue
from gradio.route_utils import call_process_api

from core.words import ENGLISH, language, speaking
from ui.server.gradio_patches import template
from ui.server.gradio_patches.promises import Promises, mentions
from ui.server.language import language_of

BUILDING = threading.Lock()
"""Held while a page is built: Gradio knows one page under construction."""
HTML_TAG, HEAD = 'lang="en"', "<head>"
SCRIPT = (
    "<script>for (const [name, value] of [['language', '{{ spoken() }}'], ['languages', "
    "['{{ spoken() }}']]]) Object.defineProperty(navigator, name, {get: () => value});</script>"
)
Texts = tuple[list[Mapping[str, Any]], list[Any], str]
"""The properties of every component, the script of every event, and the head of a page."""
Build = Callable[[], tuple[gr.Blocks, str]]
"""Returns the page as it is in a language, and its head."""


class Multilingual(gr.Blocks):  # type: ignore[misc]  # Gradio has no types
    """A page that is shown, and whose events speak, in the language of whoever asks."""

    @property
    def config(self) -> Any:
        """What the page is made of, in the language of whoever is asking."""
        if language() in self.__dict__.get("untold", {}):
            self._learn(language())
        return self.__dict__.get("in_languages", {}).get(language(), self.__dict__["in_english"])

    @config.setter
    def config(self, config: Any) -> None:
        """Take what the page is made of, as Gradio does whenever that may have changed."""
        texts: Mapping[str, Texts] = self.__dict__.get("texts", {})
        self.__dict__["in_english"] = config
        self.__dict__["in_languages"] = {name: _told(config, one) for name, one in texts.items()}

    def tell(self, language: str, build: Build) -> None:
        """Take a language's texts from the same page built in it, when they are first wanted."""
        self.__dict__.setdefault("untold", {})[language] = build

    def _learn(self, name: str) -> None:
        with BUILDING:
            if (build := self.__dict__["untold"].get(name)) is None:
                return  # another thread did
            same, head = build()
            config = same.config
            props = [one["props"] for one in config["components"]]
            scripts = [one["js"] for one in config["dependencies"]]
            self.__dict__.setdefault("texts", {})[name] = (props, scripts, head)
            self.config = self.__dict__["in_english"]
            del self.__dict__["untold"][name]

    async def process_api(self, block_fn: Any, *args: Any, **more: Any) -> Any:
        """Work an event in the language of its request; a call of the API in English."""
        event = self.fns[block_fn] if isinstance(block_fn, int) else block_fn
        request = more.get("request")
        shown = event.api_visibility == "private"
        with speaking(language_of(request.headers) if request and shown else ENGLISH):
            return await super().process_api(block_fn, *args, **more)


def _told(config: Any, texts: Texts) -> Any:
    props, scripts, head = texts
    components = [
        one | {"props": found} for one, found in zip(config["components"], props, strict=True)
    ]
    dependencies = [
        one | {"js": found} for one, found in zip(config["dependencies"], scripts, strict=True)
    ]
    return config | {"components": components, "dependencies": dependencies, "head": head}


def name_language() -> None:
    """Have the page say in which language it is."""
    routes.templates.env.globals["spoken"] = language
    template.change({HTML_TAG: 'lang="{{ spoken() }}"', HEAD: f"{HEAD}{SCRIPT}"})


def _has_places(_page: Any) -> bool:
    return template.has(HTML_TAG, HEAD)


def _shows_config(_page: Any) -> bool:
    return mentions(routes.App.create_app, "config", "get_blocks", "frontend/index.html")


def _works_events(_page: Any) -> bool:
    handed_over = mentions(call_process_api, "process_api", "request")
    return handed_over and mentions(Queue.process_events, "call_process_api")


def _speaks(page: Any) -> bool:
    """Whether the page's texts are those of the language that is asked for."""
    untold, texts = page.__dict__.get("untold", {}), page.__dict__.get("texts", {})
    for name, (props, _, _) in texts.items():
        with speaking(name):
            if [one["props"] for one in page.config["components"]] != props:
                return False
    return bool(untold or texts)


PROMISES: Promises = {
    "the page cannot say in which language it is": _has_places,
    "the page is not shown from what it is made of": _shows_config,
    "events are not worked in one place": _works_events,
    "the page has its texts in English alone": _speaks,
}
