"""What is set wrongly stops the start with a sentence, and never opens a door."""

from __future__ import annotations

import pytest

from core import settings as configuration
from core.errors import InputError
from core.settings import Settings


@pytest.mark.parametrize(
    "value",
    [
        ":secret",
        ",",
        "ann:",
        "ann",
        "ann: ",
        " :secret",
        "ann:one,",
        "ann:one,,bob:two",
        "ann:one,:two",
        "ann:one,bob",
        "ann:one,ann:two",
        " ",
        "an\tn:one",
    ],
)
def test_half_a_pair_stops_the_start(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the setting and no password."""
    monkeypatch.setenv("SRPO_AUTH", value)
    with pytest.raises(InputError, match="SRPO_AUTH cannot be used") as caught:
        configuration.load()
    assert "secret" not in str(caught.value)


def test_whole_pairs_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password may contain a colon; a variable that is empty is no sign-in."""
    monkeypatch.setenv("SRPO_AUTH", "ann:one, bob:two:three")
    assert configuration.load().users == [("ann", "one"), ("bob", "two:three")]
    monkeypatch.setenv("SRPO_AUTH", "")
    assert configuration.load().users == []


def test_no_sentence_holds_a_password() -> None:
    """Neither ours nor that of the library which checks the settings."""
    with pytest.raises(ValueError, match="user:password") as caught:
        Settings(srpo_auth="ann:open-sesame,bob", _env_file=None)  # type: ignore[call-arg]
    assert "sesame" not in str(caught.value)
