"""The shared vocabulary of requests: one params is one image with one known seed.

Limits, defaults, labels and help live on the fields; the form, the validation, the API schema,
the history record and the README table are derived from them. A backend declares its own
`Params` subclass for each task from these fields, adds its own where it has more, and never
renames them.
"""

from __future__ import annotations

import secrets
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from core.pictures import Picture

Task = Literal["text-to-image", "image-to-image"]
TASKS: tuple[Task, ...] = ("text-to-image", "image-to-image")
MAX_SEED = 2_147_483_647
MAX_PROMPT = 4_000


class Params(BaseModel):
    """A typed request; `with_seed` makes the drawn seed part of it before anything is sent."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    # Which form control a field gets when its type alone does not tell; see core.controls.
    task: ClassVar[Task]

    prompt: str = Field(
        title="Prompt",
        description="Describe the image in plain words.",
        min_length=1,
        max_length=MAX_PROMPT,
    )

    @field_validator("prompt", mode="after")
    @classmethod
    def _printable(cls, prompt: str) -> str:
        """Refuse control characters: databases choke on them, and nobody means them."""
        if any(ord(character) < 32 and character not in "\n\r\t" for character in prompt):
            raise PydanticCustomError("control_character", "control character")
        return prompt

    def with_seed(self, seed: int | None = None) -> Self:
        """Return these params with the given seed, or with -1 replaced by a drawn one."""
        if "seed" not in type(self).model_fields or (seed is None and self.known_seed >= 0):
            return self
        return self.model_copy(update={"seed": draw_seed() if seed is None else seed})

    @property
    def known_seed(self) -> int:
        """The seed; -1 when it is not drawn yet, or when the service takes none."""
        return int(getattr(self, "seed", -1))

    @property
    def picture(self) -> Picture | None:
        """The picture to start from, on image-to-image."""
        return getattr(self, "image", None)


def seed() -> Any:
    """Field for the seed."""
    return Field(
        default=-1,
        title="Seed",
        description="-1 draws a new one; it is kept with the image.",
        ge=-1,
        le=MAX_SEED,
    )


class TextToImage(Params):
    """A request that starts from words alone."""

    task: ClassVar[Task] = "text-to-image"

    seed: int = seed()


class Edit(Params):
    """A request that starts from a picture, for services that take no seed with it."""

    task: ClassVar[Task] = "image-to-image"

    image: Picture = Field(title="Image", description="The image to start from.")


class ImageToImage(Edit):
    """A request that starts from a picture; the output follows its size."""

    seed: int = seed()


def draw_seed() -> int:
    """Draw a seed in 0..2147483647."""
    return secrets.randbelow(MAX_SEED + 1)


def width(
    default: int = 1024, *, low: int, high: int, step: int = 16, multiple: int | None = None
) -> Any:
    """Field for the width in pixels.

    `step` is what the form offers; any value is legal, or any `multiple` of a number.
    """
    return _pixels("Width", default, (low, high, step), multiple)


def height(
    default: int = 1024, *, low: int, high: int, step: int = 16, multiple: int | None = None
) -> Any:
    """Field for the height in pixels, as for the width."""
    return _pixels("Height", default, (low, high, step), multiple)


def _pixels(title: str, default: int, limits: tuple[int, int, int], multiple: int | None) -> Any:
    low, high, step = limits
    return Field(
        default=default,
        title=title,
        description="In pixels.",
        ge=low,
        le=high,
        multiple_of=multiple,
        json_schema_extra={"step": step},
    )


def strength(default: float = 0.8, *, low: float = 0.0, counted: bool = False) -> Any:
    """Field for how far the picture may move from the given one.

    `counted` says that only this share of the steps is run, rounded up, and the form tells so.
    """
    extra: dict[str, Any] = {"step": 0.01} | ({"counted": True} if counted else {})
    return Field(
        default=default,
        title="Strength",
        description="Low keeps the image, 1 replaces it."
        if low
        else "0 keeps the image, 1 replaces it.",
        ge=low,
        le=1.0,
        json_schema_extra=extra,
    )


def steps(default: int = 28, *, low: int = 1, high: int = 50) -> Any:
    """Field for the number of denoising steps."""
    return Field(
        default=default,
        title="Steps",
        description="More steps give finer detail and take longer.",
        ge=low,
        le=high,
    )


def guidance(default: float, *, low: float = 1.0, high: float = 20.0) -> Any:
    """Field for how closely the picture follows the prompt."""
    return Field(
        default=default,
        title="Guidance",
        description="Higher follows the prompt more closely, lower is freer.",
        ge=low,
        le=high,
        json_schema_extra={"step": 0.1},
    )


def output_format(default: str = "jpeg") -> Any:
    """Field for the file type of the result."""
    return Field(
        default=default,
        title="File format",
        description="JPEG is smaller, PNG keeps every pixel.",
    )


def model(default: str) -> Any:
    """Field for which of the backend's models paints."""
    return Field(default=default, title="Model", description="Which model paints the image.")


def shape(default: str) -> Any:
    """Field for the shape of a picture that is made from another one."""
    return Field(default=default, title="Shape", description="Width to height of the result.")


def fit(default: str) -> Any:
    """Field for how a given picture is brought to the shape of the result."""
    return Field(
        default=default,
        title="Fit",
        description="Crop cuts off what is too much, pad adds a soft border.",
    )


def acceleration(default: str) -> Any:
    """Field for how much a service may hurry; it changes the picture."""
    return Field(
        default=default,
        title="Acceleration",
        description="Faster changes the image a little.",
    )


def safety_checker(default: bool) -> Any:
    """Field for a service's own check of prompt and picture."""
    return Field(
        default=default,
        title="Safety checker",
        description="The service refuses what its check finds unsafe.",
    )
