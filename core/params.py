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

from core.pictures import Picture, within
from core.words import english

Task = Literal["text-to-image", "image-to-image"]
TASKS: tuple[Task, ...] = ("text-to-image", "image-to-image")
BASE = "FLUX.1 [dev], base of SRPO"
"""How the model that SRPO was made from is named wherever it is chosen, shown and kept."""
MAX_SEED = 2_147_483_647
MAX_PROMPT = 4_000


class Params(BaseModel):
    """A typed request; `with_seed` makes the drawn seed part of it before anything is sent."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    # Which form control a field gets when its type alone does not tell; see core.controls.
    task: ClassVar[Task]

    prompt: str = Field(
        title=english("param-prompt"),
        description=english("param-prompt-help"),
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
        """Return these params with the given seed, or with -1 replaced by a drawn one.

        So is the seed of a variation, where there is one.
        """
        drawn: dict[str, int] = {}
        if "seed" in type(self).model_fields and (seed is not None or self.known_seed < 0):
            drawn["seed"] = draw_seed() if seed is None else seed
        if not self.idle and getattr(self, "variation_seed", 0) < 0:
            drawn["variation_seed"] = draw_seed()
        return self.model_copy(update=drawn) if drawn else self

    @property
    def known_seed(self) -> int:
        """The seed; -1 when it is not drawn yet, or when the service takes none."""
        return int(getattr(self, "seed", -1))

    @property
    def idle(self) -> set[str]:
        """The fields that change nothing as they are set: those of a variation of strength 0."""
        varied = getattr(self, "variation_strength", 0.0) > 0
        return set() if varied else {"variation_seed", "variation_strength"}

    @property
    def picture(self) -> Picture | None:
        """The image to start from, on image-to-image."""
        return getattr(self, "image", None)


def seed() -> Any:
    """Field for the seed."""
    return Field(
        default=-1,
        title=english("param-seed"),
        description=english("param-seed-help"),
        ge=-1,
        le=MAX_SEED,
    )


class TextToImage(Params):
    """A request that starts from words alone."""

    task: ClassVar[Task] = "text-to-image"

    seed: int = seed()


class Edit(Params):
    """A request that starts from an image, for services that take no seed with it."""

    task: ClassVar[Task] = "image-to-image"
    most_side: ClassVar[int | None] = None
    """Pixels of a result's longer side: larger images are scaled to it before they are sent."""
    least_side: ClassVar[int | None] = None
    """Pixels of the shorter side below which a person is asked before anything is paid for."""

    image: Picture = Field(title=english("param-image"), description=english("param-image-help"))

    def result_size(self) -> tuple[int, int] | None:
        """Return the size that the result will have; None where only the service knows."""
        size = self.image.width, self.image.height
        return within(size, self.most_side) if self.most_side else None

    @property
    def too_small(self) -> bool:
        """Whether the image has fewer pixels than the service is made for."""
        least = self.least_side
        return least is not None and min(self.image.width, self.image.height) < least


class ImageToImage(Edit):
    """A request that starts from an image; the output follows its size."""

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
    return _pixels(english("param-width"), default, (low, high, step), multiple)


def height(
    default: int = 1024, *, low: int, high: int, step: int = 16, multiple: int | None = None
) -> Any:
    """Field for the height in pixels, as for the width."""
    return _pixels(english("param-height"), default, (low, high, step), multiple)


def _pixels(title: str, default: int, limits: tuple[int, int, int], multiple: int | None) -> Any:
    low, high, step = limits
    return Field(
        default=default,
        title=title,
        description=english("param-pixels-help"),
        ge=low,
        le=high,
        multiple_of=multiple,
        json_schema_extra={"step": step},
    )


def strength(default: float = 0.8, *, low: float = 0.0, counted: bool = False) -> Any:
    """Field for how far the image may move from the given one.

    `counted` says that only this share of the steps is run, rounded up, and the form tells so.
    """
    extra: dict[str, Any] = {"step": 0.01} | ({"counted": True} if counted else {})
    return Field(
        default=default,
        title=english("param-strength"),
        description=english("param-strength-low-help" if low else "param-strength-help"),
        ge=low,
        le=1.0,
        json_schema_extra=extra,
    )


def steps(default: int = 28, *, low: int = 1, high: int = 50) -> Any:
    """Field for the number of denoising steps."""
    return Field(
        default=default,
        title=english("param-steps"),
        description=english("param-steps-help"),
        ge=low,
        le=high,
    )


def guidance(default: float, *, low: float = 1.0, high: float = 20.0) -> Any:
    """Field for how closely the image follows the prompt."""
    return Field(
        default=default,
        title=english("param-guidance"),
        description=english("param-guidance-help"),
        ge=low,
        le=high,
        json_schema_extra={"step": 0.1},
    )


def variation_seed() -> Any:
    """Field for the seed of the noise that is blended into the seed's own."""
    return Field(
        default=-1,
        title=english("param-variation-seed"),
        description=english("param-variation-seed-help"),
        ge=-1,
        le=MAX_SEED,
    )


def variation_strength() -> Any:
    """Field for how far the noise is from that of the seed alone."""
    return Field(
        default=0.0,
        title=english("param-variation-strength"),
        description=english("param-variation-strength-help"),
        ge=0.0,
        le=1.0,
        json_schema_extra={"step": 0.01},
    )


def output_format(default: str = "jpeg") -> Any:
    """Field for the file type of the result."""
    return Field(
        default=default,
        title=english("param-output-format"),
        description=english("param-output-format-help"),
    )


def model(default: str) -> Any:
    """Field for which of the backend's models generates."""
    return Field(
        default=default, title=english("param-model"), description=english("param-model-help")
    )


def shape(default: str) -> Any:
    """Field for the shape of an image that is made from another one."""
    return Field(
        default=default, title=english("param-shape"), description=english("param-shape-help")
    )


def fit(default: str) -> Any:
    """Field for how a given image is brought to the shape of the result."""
    return Field(
        default=default,
        title=english("param-fit"),
        description=english("param-fit-help"),
    )


def acceleration(default: str) -> Any:
    """Field for how much a service may hurry; it changes the image."""
    return Field(
        default=default,
        title=english("param-acceleration"),
        description=english("param-acceleration-help"),
    )


def safety_checker(default: bool) -> Any:
    """Field for a service's own check of prompt and image."""
    return Field(
        default=default,
        title=english("param-safety-checker"),
        description=english("param-safety-checker-help"),
    )
