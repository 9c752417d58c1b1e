"""The request bodies of the reference pages, with their types, ranges and defaults."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from starlette.requests import Request

LARGEST_BODY = 64 * 1024 * 1024
SIDES = range(256, 1537)
MAGIC = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}

Seed = Annotated[int, Field(ge=-1, le=2_147_483_647)]
Side = Annotated[int, Field(ge=SIDES[0], le=SIDES[-1])]


class BodyError(Exception):
    """A body that the service refuses; `field` is what is wrong with it, "" for all of it."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Body(BaseModel):
    """A documented body; what it does not document is kept apart, for the counters."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, allow_inf_nan=False)

    @property
    def undocumented(self) -> list[str]:
        """Names that were sent and are on no reference page."""
        return sorted(self.model_extra or {})


class WaveSpeedBody(Body):
    """What all of WaveSpeed's models take."""

    prompt: str = Field(min_length=1)
    strength: float = Field(0.8, ge=0, le=1)
    num_inference_steps: int = Field(28, ge=1, le=50)
    seed: Seed = -1
    guidance_scale: float = Field(3.5, ge=1, le=20)
    output_format: Literal["jpeg", "png"] = "jpeg"
    enable_base64_output: bool = False
    enable_sync_mode: bool = False


class TextBody(WaveSpeedBody):
    """Text to image."""

    size: str = "1024*1024"

    @field_validator("size")
    @classmethod
    def _sides(cls, size: str) -> str:
        found = re.fullmatch(r"(\d{1,5})\*(\d{1,5})", size, re.ASCII)
        if found is None:
            raise ValueError("must be written width*height")
        if any(int(side) not in SIDES for side in found.groups()):
            raise ValueError("must be 256 to 1536 per dimension")
        return size

    @property
    def sides(self) -> tuple[int, int]:
        """Width and height."""
        width, height = self.size.split("*")
        return int(width), int(height)


class ImageBody(WaveSpeedBody):
    """Image to image; there is no size: the output follows the input."""

    image: str | None = None


class BaseBody(TextBody):
    """The model that SRPO was made from: both tasks on one path, one image a task, no masks."""

    image: str | None = None
    num_images: int = Field(1, ge=1, le=1)
    enable_safety_checker: bool = True


class ImageSize(Body):
    """A size that is no preset."""

    width: Side
    height: Side


Preset = Literal[
    "square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"
]
PIXELS: dict[Preset, tuple[int, int]] = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}


class GenerationBody(Body):
    """Siraya's text to image."""

    model: str
    prompt: str = Field(min_length=1)
    size: Preset = "landscape_4_3"
    image_size: ImageSize | None = None
    num_inference_steps: int = Field(28, ge=1, le=50)
    guidance_scale: float = Field(4.5, ge=1, le=20)
    acceleration: Literal["none", "regular", "high"] = "regular"
    seed: Annotated[int, Field(ge=0, le=2_147_483_647)] | None = None
    enable_safety_checker: bool = False
    n: int = Field(1, ge=1, le=4)
    output_format: Literal["url", "b64_json"] = "url"

    @property
    def sides(self) -> tuple[int, int]:
        """Width and height."""
        if self.image_size is not None:
            return self.image_size.width, self.image_size.height
        return PIXELS[self.size]


class EditBody(Body):
    """Siraya's image to image."""

    model: str
    prompt: str = Field(min_length=1)
    image_urls: list[str] = Field(min_length=1)
    n: int = Field(1, ge=1, le=4)
    output_format: Literal["url", "b64_json"] = "url"


class FalBody(Body):
    """What all of fal's FLUX models take; the defaults that differ are in `fal.py`."""

    prompt: str = Field(min_length=1)
    num_inference_steps: int = Field(28, ge=1, le=50)
    guidance_scale: float = Field(ge=1, le=20)
    seed: Annotated[int, Field(ge=0, le=2_147_483_647)] | None = None
    num_images: int = Field(1, ge=1, le=4)
    acceleration: Literal["none", "regular", "high"] = "none"
    enable_safety_checker: bool = True
    output_format: Literal["jpeg", "png"] = "jpeg"
    sync_mode: bool = False


class FalTextBody(FalBody):
    """fal's text to image."""

    image_size: Preset | ImageSize = "landscape_4_3"

    @property
    def sides(self) -> tuple[int, int]:
        """Width and height."""
        if isinstance(self.image_size, ImageSize):
            return self.image_size.width, self.image_size.height
        return PIXELS[self.image_size]


class FalImageBody(FalBody):
    """fal's image to image; the output follows the input."""

    image_url: str
    strength: float = Field(0.95, ge=0.01, le=1)
    num_inference_steps: int = Field(40, ge=10, le=50)


async def read_bytes(request: Request, limit: int = LARGEST_BODY) -> bytes:
    """Return the body of a request; raises BodyError beyond the limit."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise BodyError("Request body too large")
    return bytes(body)


async def read_object(request: Request) -> dict[str, Any]:
    """Return the JSON object in a request; raises BodyError."""
    try:
        value = json.loads(await read_bytes(request))
    except (ValueError, RecursionError) as error:
        raise BodyError("Invalid JSON in request body") from error
    if not isinstance(value, dict):
        raise BodyError("Request body must be a JSON object")
    return value


B = TypeVar("B", bound=Body)


def parse(kind: type[B], value: dict[str, Any]) -> B:
    """Validate a body; raises BodyError that names the first field at fault."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BodyError(f"Invalid value for '{field}': {first['msg']}", field) from error


@dataclass(frozen=True, slots=True)
class DataUri:
    """An image inside a body."""

    media_type: str
    body: bytes

    @property
    def truthful(self) -> bool:
        """False when the media type is not that of the bytes."""
        return (
            next((kind for magic, kind in MAGIC.items() if self.body.startswith(magic)), "")
            == self.media_type
        )


def data_uri(text: str, field: str) -> DataUri | None:
    """Decode a data URI, None for an http(s) URL; raises BodyError for anything else."""
    if re.match(r"https?://[^/\s]", text):
        return None
    found = re.match(r"data:(image/[\w.+-]+);base64,", text)
    if found is None:
        raise BodyError(f"Invalid value for '{field}': must be a URL or a data URI", field)
    try:
        return DataUri(found[1], base64.b64decode(text[found.end() :], validate=True))
    except binascii.Error as error:
        raise BodyError(f"Invalid value for '{field}': broken base64", field) from error
