"""The operator's own engine behind the OpenAI images API; each dialect is data.

`srpo` is the playground's own server with a strength; `sglang` is SGLang-Diffusion, `vllm-omni` is
vLLM-Omni, `openai` is whoever knows only the common fields. None of the others has a strength.
The seed always goes out: SGLang's default is 1024 and not a random one.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, SecretStr

from backends.remote.openai_images import Dialect, Engine, OpenAIImages
from core import params as fields
from core.backend import Registration
from core.params import Edit, ImageToImage, TextToImage
from core.settings import Concurrency, Settings, WebAddress


class SelfHostedSettings(Settings):
    """What can be set for an engine of the operator's own."""

    self_hosted_base_url: WebAddress = Field(
        "", description="Address of an engine of your own; without it there is no such backend."
    )
    self_hosted_api_key: SecretStr | None = Field(None, description="Its key, if it has one.")
    self_hosted_model: str = Field("", description="The model to name to it.")
    self_hosted_dialect: Literal["srpo", "sglang", "vllm-omni", "openai"] = Field(
        "srpo", description="`srpo`, `sglang`, `vllm-omni` or `openai`."
    )
    self_hosted_max_concurrency: Concurrency = 2


class EngineText(TextToImage):
    """Sizes that FLUX is made for, in multiples of 16."""

    width: int = fields.width(low=256, high=1536)
    height: int = fields.height(low=256, high=1536)
    steps: int = fields.steps()
    guidance: float = fields.guidance(3.5)


class EngineImage(ImageToImage):
    """Image-to-image with a strength, as `deploy/serve.py` takes it."""

    strength: float = fields.strength(low=0.05, counted=True)
    steps: int = fields.steps()
    guidance: float = fields.guidance(3.5)


class EngineEdit(ImageToImage):
    """An edit by a model that reads images; there is no strength."""

    steps: int = fields.steps()
    guidance: float = fields.guidance(3.5)


class PlainText(TextToImage):
    """What every engine understands."""

    width: int = fields.width(low=256, high=1536)
    height: int = fields.height(low=256, high=1536)


def _common(model: str, params: Any) -> dict[str, Any]:
    named = {"model": model} if model else {}
    seed = {"seed": params.seed} if params.known_seed >= 0 else {}
    return {**named, "prompt": params.prompt, "n": 1, "response_format": "b64_json", **seed}


def _size(params: Any) -> dict[str, Any]:
    return {"size": f"{params.width}x{params.height}"}


def _painting(params: Any) -> dict[str, Any]:
    return {"num_inference_steps": params.steps, "guidance_scale": params.guidance}


def generation(model: str, params: EngineText) -> dict[str, Any]:
    """Return the body of an engine that takes steps and guidance."""
    return _common(model, params) | _size(params) | _painting(params)


def plain_generation(model: str, params: PlainText) -> dict[str, Any]:
    """Return the body of an engine of which nothing more is known."""
    return _common(model, params) | _size(params)


def strong_edit(model: str, params: EngineImage, image: str) -> dict[str, Any]:
    """Return the body of image-to-image; `image` is a data URI."""
    return (
        _common(model, params) | _painting(params) | {"image": image, "strength": params.strength}
    )


def edit(model: str, params: EngineEdit, image: str) -> dict[str, Any]:
    """Return the fields of an edit; the image travels beside them as a file."""
    return _common(model, params) | _painting(params)


def plain_edit(model: str, params: Edit, image: str) -> dict[str, Any]:
    """Return the fields of an edit of which nothing more is known."""
    return _common(model, params)


LABEL = "Self-hosted"
ID = "self-hosted"
DIALECTS = {
    "srpo": Dialect(ID, LABEL, generation, strong_edit, EngineText, EngineImage, warms_up=True),
    "sglang": Dialect(ID, LABEL, generation, edit, EngineText, EngineEdit, True, True),
    "vllm-omni": Dialect(ID, LABEL, generation, edit, EngineText, EngineEdit, True, True),
    "openai": Dialect(ID, LABEL, plain_generation, plain_edit, PlainText, ImageToImage, True, True),
}


def engine(settings: SelfHostedSettings) -> Engine:
    """Return where the engine is and how much of it is used."""
    base = settings.self_hosted_base_url.strip().rstrip("/")
    key = settings.self_hosted_api_key
    return Engine(
        base_url=base if base.endswith("/v1") else f"{base}/v1",
        key=key.get_secret_value() if key else None,
        model=settings.self_hosted_model,
        edit_model=None,
        price_usd=0.0,
        max_concurrency=settings.self_hosted_max_concurrency,
        own=True,
    )


def create(settings: SelfHostedSettings) -> OpenAIImages | None:
    """Build the backend when its address is set."""
    if not settings.self_hosted_base_url.strip():
        return None
    return OpenAIImages(DIALECTS[settings.self_hosted_dialect], engine(settings))


SETUP = (
    "Set `SELF_HOSTED_BASE_URL` to an engine that speaks the OpenAI images API, and "
    "`SELF_HOSTED_DIALECT` to `srpo`, `sglang`, `vllm-omni` or `openai`; a strength is offered "
    "where the engine has one"
)
REGISTRATION = Registration(SelfHostedSettings, create, setup=SETUP)
