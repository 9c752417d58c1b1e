"""Who is asking is known alike by every way to ask; all of it is walked in tests/isolation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.program import Playground
from tests.isolation.caller import WAYS, Caller, Way

pytestmark = pytest.mark.slow

PROXY = {"Via": "1.1 proxy"}
LIST = {"limit": 50, "before": "", "query": "", "starred": False}
WORDS = {"local": "a merlin", "script": "a kestrel", "other": "an osprey"}


@pytest.fixture(scope="module")
def callers(playground: Playground) -> Iterator[dict[str, Caller]]:
    """Somebody at the machine, two scripts with tokens from elsewhere, and one without."""
    made = {
        "local": Caller(Way(playground.address)),
        "script": Caller(Way(playground.address, headers=PROXY | {"X-SRPO-Token": "5c" * 16})),
        "other": Caller(Way(playground.address, headers=PROXY | {"X-SRPO-Token": "07" * 16})),
        "without": Caller(Way(playground.address, headers=PROXY)),
    }
    for name, word in WORDS.items():
        wish = {"prompt": word, "backend": "", "model": "", "width": 256, "height": 256}
        assert word in made[name].ask("call/v2", "text_to_image", wish)
    yield made
    for caller in made.values():
        caller.close()


@pytest.mark.parametrize("way", WAYS)
def test_each_sees_its_own_and_nobody_elses(callers: dict[str, Caller], way: str) -> None:
    """And whoever says nothing is told how to say who it is."""
    for name, caller in callers.items():
        said = caller.ask(way, "history", LIST)
        for owner, word in WORDS.items():
            assert (word in said) is (owner == name), (name, way, said)
        assert ("X-SRPO-Token" in said) is (name == "without"), said
