"""Params, their controls, settings and budgets: one declaration, everything derived."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field

from backends import Settings
from core import settings
from core.controls import controls
from core.errors import InputError, OverBudgetError
from core.jobs.budget import Budget, Spent
from core.jobs.estimate import Estimate, workload
from core.money import dollars, micros
from core.params import (
    MAX_SEED,
    TextToImage,
    draw_seed,
    guidance,
    model,
    output_format,
    steps,
    width,
)
from core.parsing import parse
from tests.fakes import FakeImage, FakeText


class Wide(TextToImage):
    model: Literal["a", "b"] = model("a")
    width: int = width(1024, low=256, high=1536)
    steps: int = steps()
    guidance: float = guidance(3.5)
    output_format: Literal["jpeg", "png"] = output_format()
    safety_checker: bool = Field(True, title="Safety checker", description="Refuse what is unsafe.")


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"prompt": ""}, "prompt", "The prompt is empty."),
        ({"prompt": "  \n "}, "prompt", "The prompt is empty."),
        ({}, "prompt", "Prompt is missing."),
        ({"prompt": "x" * 4_001}, "prompt", "The prompt is longer than 4,000 characters."),
        ({"prompt": "a\0b"}, "prompt", "The prompt contains characters that cannot be sent."),
        ({"prompt": "a\ud800b"}, "prompt", "The prompt contains characters that cannot be sent."),
        ({"width": 255}, "width", "Width must be a whole number from 256 to 1536."),
        ({"width": 1537}, "width", "Width must be a whole number from 256 to 1536."),
        ({"width": 512.5}, "width", "Width must be a whole number from 256 to 1536."),
        ({"width": "wide"}, "width", "Width must be a whole number from 256 to 1536."),
        ({"steps": 0}, "steps", "Steps must be a whole number from 1 to 50."),
        ({"steps": 51}, "steps", "Steps must be a whole number from 1 to 50."),
        ({"guidance": 0.9}, "guidance", "Guidance must be from 1 to 20."),
        ({"guidance": float("nan")}, "guidance", "Guidance must be from 1 to 20."),
        ({"guidance": float("inf")}, "guidance", "Guidance must be from 1 to 20."),
        ({"seed": -2}, "seed", f"Seed must be a whole number from -1 to {MAX_SEED}."),
        ({"seed": MAX_SEED + 1}, "seed", f"Seed must be a whole number from -1 to {MAX_SEED}."),
        ({"output_format": "gif"}, "output_format", "File format must be one of jpeg, png."),
        ({"model": "c"}, "model", "Model must be one of a, b."),
        ({"safety_checker": "perhaps"}, "safety_checker", "Safety checker must be a yes or a no."),
        ({"strength": 0.5}, "strength", "This backend has no setting called “strength”."),
    ],
)
def test_bad_values_name_their_field_in_one_sentence(
    values: dict[str, Any], field: str, said: str
) -> None:
    """What is wrong and what is allowed, at the field where it happened."""
    given = values if "prompt" in values or not values else {"prompt": "x"} | values
    with pytest.raises(InputError) as caught:
        parse(Wide, given)
    assert (caught.value.field, str(caught.value)) == (field, said)
    assert caught.value.advice


@pytest.mark.parametrize("value", [-0.01, 1.01])
def test_strength_is_from_0_to_1(value: float) -> None:
    """Out of range is refused at the strength."""
    with pytest.raises(InputError) as caught:
        parse(FakeImage, {"prompt": "x", "strength": value})
    assert caught.value.field in ("strength", "image")


def test_a_missing_picture_is_said_at_the_picture() -> None:
    """Image-to-image without an image asks for one."""
    with pytest.raises(InputError, match="no image to start from") as caught:
        parse(FakeImage, {"prompt": "x"})
    assert caught.value.field == "image"


def test_a_control_exists_exactly_for_each_field() -> None:
    """What the form asks is what the params have, with the same limits and defaults."""
    made = {control.name: control for control in controls(Wide)}
    assert list(made) == list(Wide.model_fields)
    kinds = {name: control.kind for name, control in made.items()}
    assert kinds == {
        "prompt": "text",
        "seed": "number",
        "model": "choice",
        "width": "slider",
        "steps": "slider",
        "guidance": "slider",
        "output_format": "choice",
        "safety_checker": "toggle",
    }
    size = made["width"]
    assert (size.low, size.high, size.step, size.default) == (256, 1536, 16, 1024)
    assert made["model"].choices == ("a", "b")
    assert all(control.label and control.help for control in made.values())


def test_drawn_seeds_are_legal_and_differ() -> None:
    """A draw is a seed that can be sent to every backend."""
    drawn = {draw_seed() for _ in range(200)}
    assert len(drawn) > 190
    assert all(0 <= seed <= MAX_SEED for seed in drawn)


def test_params_cannot_be_changed() -> None:
    """One params is one image: nobody alters it on the way."""
    with pytest.raises(ValueError, match="frozen"):
        parse(Wide, {"prompt": "x"}).prompt = "y"


def test_settings_take_the_environment_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable wins over `.env`, an empty one counts as unset, a key shows nowhere."""
    (tmp_path / ".env").write_text("WAVESPEED_API_KEY=from-file\nSIRAYA_MAX_CONCURRENCY=5\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAVESPEED_API_KEY", "from-environment")
    monkeypatch.setenv("SIRAYA_API_KEY", "")
    found = settings.load(Settings)
    assert found.wavespeed_api_key is not None
    assert found.wavespeed_api_key.get_secret_value() == "from-environment"
    assert (found.siraya_max_concurrency, found.siraya_api_key) == (5, None)
    assert "from-environment" not in repr(found) + str(found) + found.model_dump_json()


def test_a_wrong_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable; what it holds might be a key in the wrong place."""
    monkeypatch.setenv("WAVESPEED_MAX_CONCURRENCY", "sk-secret")
    with pytest.raises(InputError, match="WAVESPEED_MAX_CONCURRENCY") as caught:
        settings.load(Settings)
    assert "sk-secret" not in str(caught.value) + caught.value.advice


def test_users_are_read_from_one_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords may contain colons."""
    monkeypatch.setenv("SRPO_AUTH", "ann:a:b, bob:c")
    assert settings.load(Settings).users == [("ann", "a:b"), ("bob", "c")]


def test_a_budget_counts_exactly() -> None:
    """Seven times $0.025 fit into $0.175, an eighth does not, and the refusal has the numbers."""
    budget = Budget(day_usd=0.175)
    price = micros(0.025)
    for spent in range(7):
        budget.check([price], Spent(spent * price, 0))
    with pytest.raises(OverBudgetError, match=r"\$0\.025 .* \$0\.175, of which \$0\.175"):
        budget.check([price], Spent(7 * price, 0))
    budget.check([0], Spent(10**9, 0))


def test_the_pictures_of_a_click_are_one_sum() -> None:
    """Three of four would fit, so none is sent; a limit for one click is said as such."""
    price = micros(0.025)
    with pytest.raises(OverBudgetError, match=r"These 4 images cost \$0\.10 .* \$0\.08"):
        Budget(day_usd=0.08).check([price] * 4, Spent(0, 0))
    with pytest.raises(OverBudgetError, match=r"one click may cost \$0\.05"):
        Budget(batch_usd=0.05).check([price] * 3, Spent(0, 0))
    Budget(batch_usd=0.05).check([price] * 2, Spent(10**9, 0))


@pytest.mark.parametrize(
    ("usd", "text"), [(0.025, "$0.025"), (1, "$1.00"), (0.5, "$0.50"), (12.3456, "$12.3456")]
)
def test_prices_are_written_with_the_digits_they_need(usd: float, text: str) -> None:
    """A price is never rounded to something that is not charged."""
    assert dollars(micros(usd)) == text


def test_an_estimate_learns_a_line_and_ignores_a_straggler() -> None:
    """Seconds grow with the work; one very late job does not bend the line."""
    samples = [(float(work), 0.5 + 0.1 * work) for work in range(5, 45)] + [(20.0, 90.0)]
    learned = Estimate.of(samples).seconds(100.0)
    assert learned == pytest.approx(10.5, rel=0.02)
    assert Estimate.of(samples[:2]).seconds(10.0) is None


@pytest.mark.filterwarnings("error")
def test_what_a_form_holds_says_how_much_work_an_image_is() -> None:
    """Also with a seed as it stands in its box, which is a text, and without a word in the log."""
    facts: dict[str, Any] = {"prompt": "", "seed": "7", "width": 512, "height": 2000, "steps": 10}
    assert workload(FakeText.model_construct(**facts)) == 10.24
