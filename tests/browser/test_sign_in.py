"""A visitor of a Space signs in, takes along what the browser made, and signs out again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.browser.visitor import Visitor
from tests.end_to_end.program import Playground, free_port
from tests.identity import Provider, serving, tls

pytestmark = pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="starts a program of its own; .ci/run sets EVERY_TEST"
)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Playground, Provider, str]]:
    """A Space behind TLS, the provider it signs in with, and its address."""
    folder, port = tmp_path_factory.mktemp("space"), free_port()
    with ExitStack() as stack:
        provider = stack.enter_context(serving(Provider()))
        settings = provider.environment(f"localhost:{port}") | {"SRPO_PUBLIC_SPENDING": "1"}
        settings["GRADIO_ROOT_PATH"] = f"https://localhost:{port}"
        program = Playground(folder, **settings)
        stack.callback(program.kill)
        stack.enter_context(tls(folder, program.port, port))
        yield program, provider, f"https://localhost:{port}"


@pytest.fixture
def visitor(chromium: Any, space: Any) -> Iterator[Visitor]:
    context = chromium.new_context(ignore_https_errors=True, reduced_motion="reduce")
    context.set_default_timeout(20_000)
    troubles: list[str] = []
    context.on("weberror", lambda error: troubles.append(str(error.error)))
    yield Visitor(context, space[2]).open()
    context.close()
    assert not troubles


def sign_in(visitor: Visitor, name: str) -> None:
    visitor.press("Sign in with Hugging Face")
    visitor.expect(visitor.find("#sign-in")).to_have_text(f"Sign out ({name})")
    visitor.page.wait_for_function("document.body.dataset.restored")


def thumbs(visitor: Visitor, count: int) -> None:
    visitor.tab("History")
    visitor.expect(visitor.find("#history-grid button[data-entry]")).to_have_count(count)


def make(visitor: Visitor) -> None:
    visitor.details()
    visitor.small()
    visitor.generate("a red house in the hills")
    visitor.pictures()


def test_from_a_stranger_to_a_user_and_back(visitor: Visitor, space: Any) -> None:
    """What the browser made goes along, a script follows with a token, signing out leaves all."""
    program, provider, _ = space
    provider.user = ("64f0aa", "ann")
    make(visitor)
    sign_in(visitor, "ann")
    visitor.shows("#take-along", "this browser made 1 image. Take it along?")
    with visitor.page.expect_navigation():
        visitor.press("Take along")
    visitor.page.wait_for_function("document.body.dataset.restored")
    thumbs(visitor, 1)
    visitor.expect(visitor.find("#take-along")).to_be_hidden()

    visitor.tab("Backends")
    visitor.shows("#backends-snippets", "your token")
    visitor.press("Make a token")
    token = visitor.find("#backends-token pre").inner_text()
    visitor.shows("#backends-snippets", token)
    script = program.client(headers={"X-SRPO-Token": token})
    assert len(script.predict(api_name="/history")) == 1
    visitor.page.reload()
    visitor.tab("Backends")
    visitor.shows("#backends-token", "not shown again")
    assert token not in visitor.page.content()

    visitor.press("Sign out (ann)")
    visitor.expect(visitor.find("#sign-in")).to_have_text("Sign in with Hugging Face")
    thumbs(visitor, 0)


def test_what_is_left_is_asked_about_once(visitor: Visitor, space: Any) -> None:
    """And again only when the browser has made more meanwhile; nobody else's goes along."""
    _, provider, _ = space
    provider.user = ("99bbcc", "bob")
    make(visitor)
    sign_in(visitor, "bob")
    visitor.press("Not now")
    visitor.expect(visitor.find("#take-along")).to_be_hidden()
    visitor.page.reload()
    visitor.page.wait_for_function("document.body.dataset.restored")
    thumbs(visitor, 0)
    visitor.expect(visitor.find("#take-along")).to_be_hidden()
    visitor.press("Sign out (bob)")
    visitor.expect(visitor.find("#sign-in")).to_have_text("Sign in with Hugging Face")
    thumbs(visitor, 1)
    visitor.tab("Text to image")
    visitor.generate("a blue lake")
    visitor.expect(visitor.find("#stage img[alt='a blue lake']")).to_be_visible()
    thumbs(visitor, 2)
    sign_in(visitor, "bob")
    visitor.shows("#take-along", "this browser made 2 images. Take them along?")
