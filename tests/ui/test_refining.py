"""What is asked before an image is refined: nothing where it is cheap, else its price."""

from __future__ import annotations

import pytest

from core.enlarging import Refinement
from ui import messages
from ui.generate.question import before_refining


def costing(price_usd: float | None) -> Refinement:
    return Refinement("wavespeed", "WaveSpeed", 1536, 1024, 0.3, price_usd)


@pytest.mark.parametrize("price", [0.0, 0.025, 0.1])
def test_what_is_cheap_needs_no_word(price: float) -> None:
    """The price stands on the button."""
    assert before_refining(costing(price), left_usd=1.0, ask_above=0.1) is None


def test_what_is_expensive_is_asked_with_its_price_and_the_rest_of_the_budget() -> None:
    """A click is no consent to a price that a person may have overlooked."""
    asked = before_refining(costing(0.25), left_usd=1.5, ask_above=0.1)
    assert asked is not None
    assert "WaveSpeed" in asked["text"]
    assert ["Price", "$0.25"] in asked["facts"]
    assert ["Left of the budget for today", "$1.50"] in asked["facts"]
    assert "$0.25" in asked["yes"]


def test_a_price_that_nobody_knows_is_asked_about() -> None:
    """It is not free because it is not known."""
    asked = before_refining(costing(None), left_usd=None, ask_above=0.1)
    assert asked is not None
    assert ["Price", messages.price(None)] in asked["facts"]


def test_an_enlarged_image_says_that_no_model_made_it_larger() -> None:
    """Above its facts, in the viewer and wherever else it is told of."""
    [said] = messages.remarks({"model": "Lanczos", "factor": 4})
    assert said.startswith("Enlarged 4 times by Lanczos resampling, not by an AI model")
