"""Siraya: text to image, and image to image where a model for it is set; see `openai_images`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, SecretStr

from backends.remote.expectations import Shape
from backends.remote.openai_images import Dialect, Engine, OpenAIImages, expected
from core import params as fields
from core.backend import Registration
from core.params import Edit, TextToImage
from core.settings import Concurrency, PerMinute, Settings, WebAddress

PRESETS: Mapping[tuple[int, int], str] = {
    (1024, 1024): "square_hd",
    (512, 512): "square",
    (768, 1024): "portrait_4_3",
    (576, 1024): "portrait_16_9",
    (1024, 768): "landscape_4_3",
    (1024, 576): "landscape_16_9",
}


class SirayaSettings(Settings):
    """What can be set for Siraya."""

    siraya_api_key: SecretStr | None = Field(
        None, description="Key; without it Siraya is the sandbox."
    )
    siraya_base_url: WebAddress = Field(
        "https://image.siraya.pro/v1", description="With its version."
    )
    siraya_model: str = Field("flux-1-srpo-text-to-image", description="Model for text-to-image.")
    siraya_edit_model: str | None = Field(
        None, description="Model for image-to-image, which is offered only if this is set."
    )
    siraya_max_concurrency: Concurrency = 2
    siraya_max_per_minute: PerMinute = None
    siraya_price_usd: float | None = Field(
        None,
        ge=0,
        description="Price of one image; its page names none. A budget refuses it until it is set.",
    )


class SirayaText(TextToImage):
    """Sizes, steps and guidance have no documented range; these are what the model is made for."""

    width: int = fields.width(low=256, high=1536)
    height: int = fields.height(low=256, high=1536)
    steps: int = fields.steps()
    guidance: float = fields.guidance(4.5)
    acceleration: Literal["none", "regular", "high"] = fields.acceleration("regular")
    safety_checker: bool = fields.safety_checker(True)


class SirayaEdit(Edit):
    """The edits page documents an image and a prompt, and no seed, steps or strength."""


def generation(model: str, params: SirayaText) -> dict[str, Any]:
    """Return Siraya's body; a size that is a preset goes by its name, any other as a pair."""
    preset = PRESETS.get((params.width, params.height))
    pair = {"width": params.width, "height": params.height}
    return {
        "model": model,
        "prompt": params.prompt,
        **({"size": preset} if preset else {"image_size": pair}),
        "num_inference_steps": params.steps,
        "guidance_scale": params.guidance,
        "acceleration": params.acceleration,
        "seed": params.seed,
        "enable_safety_checker": params.safety_checker,
        "n": 1,
        "output_format": "b64_json",
    }


def edit(model: str, params: SirayaEdit, image: str) -> dict[str, Any]:
    """Return Siraya's body for an image and a prompt; `image` is a data URI."""
    return {
        "model": model,
        "prompt": params.prompt,
        "image_urls": [image],
        "n": 1,
        "output_format": "b64_json",
    }


class SirayaImage(Shape):
    """One image: the address or the bytes; what is not used is empty and not absent."""

    url: str
    b64_json: str
    revised_prompt: str


class SirayaImages(Shape):
    """The answer with the images; `created` is in Unix seconds."""

    created: int
    data: list[SirayaImage] = Field(min_length=1)


class SirayaReason(Shape):
    """Why something was refused; `code` is the HTTP status."""

    message: str
    type: str
    param: str | None
    code: int


class SirayaRefusal(Shape):
    """An answer to what was not done."""

    error: SirayaReason


EDITS = "`SIRAYA_EDIT_MODEL` adds image to image"
SIRAYA = Dialect(
    "siraya",
    "Siraya",
    generation,
    edit,
    SirayaText,
    SirayaEdit,
    expected=expected(SirayaImages, SirayaRefusal),
)


def create(settings: SirayaSettings) -> OpenAIImages:
    """Build Siraya from settings."""
    key = settings.siraya_api_key
    engine = Engine(
        base_url=settings.siraya_base_url,
        key=key.get_secret_value() if key else None,
        model=settings.siraya_model,
        edit_model=settings.siraya_edit_model,
        price_usd=settings.siraya_price_usd,
        max_concurrency=settings.siraya_max_concurrency,
        max_per_minute=settings.siraya_max_per_minute,
        latency_s=settings.srpo_sandbox_latency,
    )
    return OpenAIImages(SIRAYA, engine)


REGISTRATION = Registration(SirayaSettings, create, key="siraya_api_key", setup=EDITS)
