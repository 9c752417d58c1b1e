"""A visitor without GPU time left goes on with a backend that is free, with the same words."""

from __future__ import annotations

from typing import Any

import pytest

from core import params as fields
from core.errors import InputError, OverQuotaError
from core.params import TextToImage
from core.parsing import fitting, parse
from tests.conftest import Studios
from tests.fakes import FakeBackend, FakeText

pytestmark = pytest.mark.anyio


class SmallText(TextToImage):
    width: int = fields.width(32, low=16, high=64)


class Small(FakeBackend):
    """Costs nobody anything, and takes small images only."""

    label = "Small"

    def __init__(self) -> None:
        super().__init__()
        self.id, self.tasks = "small", {"text-to-image": SmallText}


class Lending(FakeBackend):
    """Its images take GPU time of whoever asks for them."""

    def lent_s(self, _params: Any) -> float:
        return 24.0


async def test_a_failed_image_is_made_with_what_is_free(studios: Studios) -> None:
    """Prompt and seed are the same, a size that it does not take is its own; once a press."""
    refusal = OverQuotaError("Your GPU time is used up.", advice="Wait.", wait_s=60)
    studio = await studios.open(Lending(failure=refusal), Small())
    wish = parse(FakeText, {"prompt": "a boat", "seed": 7, "width": 1024})
    job = await studio.submit("fake", wish, owner="ann")
    failed = (await studio.result(job.id, owner="ann")).job
    assert studio.possible_actions(failed) == ["retry", "instead"]
    new, again = [await studio.act(job.id, "instead", owner="ann") for _ in range(2)]
    assert new.id == again.id
    assert (new.backend, new.owner, new.price_usd) == ("small", "ann", 0.0)
    assert (new.params["prompt"], new.seed, new.params["width"]) == ("a boat", 7, 32)
    assert (await studio.result(new.id, owner="ann")).entry
    with pytest.raises(InputError):
        await studio.act(job.id, "instead", owner="bob")
    await studio.aclose()


async def test_nothing_is_offered_instead_where_nothing_is_lent(studios: Studios) -> None:
    """Elsewhere a failed image is retried where it was asked for."""
    studio = await studios.open(FakeBackend(failure=OverQuotaError("No.", wait_s=1)), Small())
    job = await studio.submit("fake", parse(FakeText, {"prompt": "x"}), owner="ann")
    failed = (await studio.result(job.id, owner="ann")).job
    assert studio.possible_actions(failed) == ["retry"]
    with pytest.raises(InputError):
        await studio.act(job.id, "nothing", owner="ann")
    await studio.aclose()


def test_values_that_do_not_fit_are_left_out_and_a_missing_image_is_not() -> None:
    """What cannot be done without is still asked for."""
    assert fitting(SmallText, {"prompt": "x", "width": 9000, "steps": 3}).width == 32
    with pytest.raises(InputError):
        fitting(SmallText, {"prompt": ""})
