"""What is set wrongly stops the start with a sentence, and never opens a door."""

from __future__ import annotations

import pytest

from backends import Settings
from core import settings as configuration
from core.errors import InputError


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
        "an\u202en:one",
        "an\x85n:one",
    ],
)
def test_half_a_pair_stops_the_start(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the setting and no password."""
    monkeypatch.setenv("SRPO_AUTH", value)
    with pytest.raises(InputError, match="SRPO_AUTH cannot be used") as caught:
        configuration.load(Settings)
    assert "secret" not in str(caught.value)


def test_whole_pairs_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password may contain a colon; a variable that is empty is no sign-in."""
    monkeypatch.setenv("SRPO_AUTH", "ann:one, bob:two:three")
    assert configuration.load(Settings).users == [("ann", "one"), ("bob", "two:three")]
    monkeypatch.setenv("SRPO_AUTH", "")
    assert configuration.load(Settings).users == []


def test_no_sentence_holds_a_password() -> None:
    """Neither ours nor that of the library which checks the settings."""
    with pytest.raises(ValueError, match="user:password") as caught:
        Settings(srpo_auth="ann:open-sesame,bob", _env_file=None)  # type: ignore[call-arg]
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "https://me:sesame#one@engine.example/v1",
        "https://me:sesame/one@engine.example/v1",
        "https://me:sesame@engine.example:port/v1",
        "https://me:sesame@[::bad/",
        "https://me:open sesame@engine.example",
        "me:sesame@engine.example",
        "ftp://me:sesame@engine.example",
        "https://",
    ],
)
def test_an_address_that_cannot_be_read_is_not_quoted(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The libraries that read it quote what stands at the place of the port: half a password."""
    monkeypatch.setenv("SELF_HOSTED_BASE_URL", value)
    with pytest.raises(InputError, match="SELF_HOSTED_BASE_URL cannot be used") as caught:
        configuration.load(Settings)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "secret"),
    [
        ("https://me:pass%40word@h.example/v1", "pass@word"),
        ("https://key-as-a-user@h.example/v1", "key-as-a-user"),
        ("https://key-as-a-user:@h.example/v1", "key-as-a-user"),
        ("https://h.example/v1?sig=abcdef%2B1&x=1", "abcdef+1"),
        ("https://h.example/v1?api-version=2&code=abcdefg", "abcdefg"),
    ],
)
def test_what_an_address_carries_is_known(address: str, secret: str) -> None:
    """Wherever services take a key: as password, as user, or behind the question mark."""
    known = Settings(self_hosted_base_url=address, _env_file=None).secrets()  # type: ignore[call-arg]
    assert secret in known


def test_a_key_may_look_like_an_address() -> None:
    """It is a key all the same; the user of a database is none."""
    given = Settings(
        siraya_api_key="odd://key",
        database_url="postgresql://srpo@db.example/srpo",
        _env_file=None,
    )  # type: ignore[call-arg, arg-type]
    assert given.secrets() == ["odd://key"]
