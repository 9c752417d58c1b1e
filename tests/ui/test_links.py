"""A link with settings fills the form; what it gets wrong is said, and the rest is used."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

from tests.fakes import FakeImage, FakeText
from ui.generate import links


def tabs() -> Any:
    text = {one: SimpleNamespace(kind=FakeText) for one in ("fake", "other")}
    image = {"fake": SimpleNamespace(kind=FakeImage)}
    return {
        "text-to-image": SimpleNamespace(forms=text),
        "image-to-image": SimpleNamespace(forms=image),
    }


def read(**query: str) -> links.Link:
    found = links.read(query, tabs(), "fake")
    assert found
    return found


def test_every_setting_can_come_with_a_link() -> None:
    """As the type that the form has, not as the text that an address is."""
    link = read(prompt="a boat & a sea", seed="7", width="768", guidance="2.5", backend="other")
    assert (link.task, link.backend, link.wrong) == ("text-to-image", "other", [])
    assert link.values == {"prompt": "a boat & a sea", "seed": 7, "width": 768, "guidance": 2.5}
    link = read(task="image-to-image", strength="0.4", prompt="red")
    assert (link.task, link.values) == ("image-to-image", {"strength": 0.4, "prompt": "red"})


def test_what_is_wrong_gets_a_sentence_and_the_rest_is_used() -> None:
    """One for each value; nothing is rounded, and no fault keeps the page from opening."""
    link = read(prompt="hills", seed="seven", width="9000", steps="4", strength="0.5")
    assert link.values == {"prompt": "hills", "steps": 4}
    assert len(link.wrong) == 3
    said = " ".join(link.wrong)
    assert "Width must be a whole number from 16 to 4096." in said
    assert "no setting called “strength”" in said
    assert "The prompt is longer than 4,000 characters." in read(prompt="x" * 5000).wrong
    assert "characters that cannot be sent" in read(prompt="a\x00b").wrong[0]
    link = read(backend="nobody<b>", task="music", prompt="hills")
    assert (link.task, link.backend, link.values) == ("text-to-image", "fake", {"prompt": "hills"})
    assert ["nobody<b>" in link.wrong[1], "music" in link.wrong[0]] == [True, True]


def test_a_link_to_settings_fills_the_form_with_the_same_settings() -> None:
    """Whatever the prompt has in it; an image does not fit into an address."""
    values = {
        **{"prompt": "a 狐 & a=b? #1 +50%\nsecond “line”", "seed": 7, "width": 768, "steps": 3},
        **{"guidance": 2.5, "image": {"sha256": "a" * 64}, "model": None},
    }
    address = links.address("text-to-image", "other", values)
    assert "sha256" not in address
    query = dict(parse_qsl(address.removeprefix("?"), strict_parsing=True))
    link = links.read(query, tabs(), "fake")
    assert link is not None and link.wrong == []
    assert (link.task, link.backend) == ("text-to-image", "other")
    del values["image"], values["model"]
    assert link.values == values


def test_other_things_in_an_address_are_not_ours() -> None:
    """The theme, what the hub adds, and an image, which no address can hold."""
    assert links.read({"__theme": "dark", "utm_source": "x", "image": "y"}, tabs(), "fake") is None
    assert links.read({}, tabs(), "fake") is None
    assert "image" not in links.names(tabs())
