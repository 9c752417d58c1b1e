"""What is sent to fal is what its pages document: two hundred generated requests, on the wire."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed (requirements-dev.txt)")

from hypothesis import given, settings
from hypothesis import strategies as st

from backends.fal import BASE, FalImage, FalText
from core.errors import RejectedError
from core.params import MAX_SEED, Params
from tests.backends import fal_reference as reference
from tests.backends.services import Recording, events, fal
from tests.backends.services import given as image

SHARED = {
    "prompt": st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).filter(str.strip),
    "seed": st.integers(0, MAX_SEED),
    "guidance": st.floats(1, 20),
    "acceleration": st.sampled_from(["none", "regular", "high"]),
    "safety_checker": st.booleans(),
    "output_format": st.sampled_from(["jpeg", "png"]),
}
SIDES = st.tuples(st.integers(256, 1536), st.integers(256, 1536))
SIZES = st.sampled_from(sorted(reference.PRESETS.values())) | SIDES
TEXTS = st.builds(
    lambda size, values: FalText(width=size[0], height=size[1], **values),
    SIZES,
    st.fixed_dictionaries(
        SHARED
        | {
            "model": st.sampled_from(["flux-1/srpo", "flux/srpo", BASE]),
            "steps": st.integers(1, 50),
        }
    ),
)
IMAGES = st.builds(
    lambda values: FalImage(image=image(), **values),
    st.fixed_dictionaries(
        SHARED
        | {
            "model": st.sampled_from(["flux-1/srpo", BASE]),
            "steps": st.integers(10, 50),
            "strength": st.floats(0.01, 1),
        }
    ),
)
PLACES = {
    "flux-1/srpo": "fal-ai/flux-1/srpo",
    "flux/srpo": "fal-ai/flux/srpo",
    BASE: "fal-ai/flux-1/dev",
}


def sent(params: Params) -> tuple[str, dict[str, Any]]:
    """Return the model and the body of the one request that goes out for these params."""
    refused = Recording(lambda _request: httpx.Response(422, json={"detail": "no"}))
    with pytest.raises(RejectedError):
        asyncio.run(events(fal(refused.transport).generate(params)))
    [request] = refused.requests
    return request.url.path.removeprefix("/"), json.loads(request.content)


@settings(max_examples=200)
@given(TEXTS | IMAGES)
def test_a_request_means_to_the_service_what_was_asked(params: FalText | FalImage) -> None:
    """Documented fields alone, within their ranges, and each with the value of the form."""
    model, body = sent(params)
    edits = isinstance(params, FalImage)
    assert model == PLACES[params.model] + ("/image-to-image" if edits else "")
    assert reference.problems(model, body) == []
    wanted: dict[str, Any] = {
        "prompt": params.prompt,
        "num_inference_steps": params.steps,
        "seed": params.seed,
        "guidance_scale": params.guidance,
        "sync_mode": False,
        "num_images": 1,
        "enable_safety_checker": params.safety_checker,
        "output_format": params.output_format,
        "acceleration": params.acceleration,
    }
    if isinstance(params, FalImage):
        data = base64.b64encode(params.image.data).decode()
        wanted["image_url"] = f"data:{params.image.media_type};base64,{data}"
        wanted["strength"] = params.strength
    else:
        wanted["image_size"] = {"width": params.width, "height": params.height}
        named = (params.width, params.height) in reference.PRESETS.values()
        assert isinstance(body["image_size"], str) == named
    assert reference.meant(model, body) == wanted


@pytest.mark.parametrize("params", [FalText(prompt="a"), FalImage(prompt="a", image=image())])
def test_the_form_begins_with_the_defaults_of_the_page(params: FalText | FalImage) -> None:
    """So that the first image is the one that the service's own page would make."""
    model, body = sent(params.with_seed(5))
    known = reference.MODELS[model]
    own = {"prompt", "seed", "image_url", "image_size"}
    assert {n: v for n, v in reference.meant(model, body).items() if n not in own} == {
        name: field.default for name, field in known.items() if name not in own
    }


@pytest.mark.parametrize(
    "spoilt",
    [
        {"cfg": 1},
        {"seed": True},
        {"num_inference_steps": 51},
        {"num_inference_steps": 9},
        {"guidance_scale": "4.5"},
        {"strength": 0},
        {"output_format": "webp"},
        {"image_size": "square"},
    ],
)
def test_what_the_page_does_not_document_is_seen(spoilt: dict[str, Any]) -> None:
    """The reference is worth something only if it finds what is wrong."""
    model, body = sent(FalImage(prompt="a", image=image()).with_seed(5))
    assert reference.problems(model, body | spoilt)
