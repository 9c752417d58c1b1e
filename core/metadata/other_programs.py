"""Readers for the settings that other programs leave in their images.

Each takes the texts of an image and returns a reading or None. What has no place in our words
is shown, not used; true CFG of other models is not FLUX's guidance and is only shown.
"""

from __future__ import annotations

import html
import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from core.metadata import infotext
from core.metadata.reading import Reading, foreign
from core.metadata.texts import XMP

_MAX_NODES = 5_000
_MAX_XMP = 500_000
_COMMENT = re.compile(r"<exif:UserComment>.{0,400}?<rdf:li[^<>]{0,200}>([^<]*)</rdf:li>", re.DOTALL)
_SIZE = re.compile(r"(\d{1,6})\D{1,4}(\d{1,6})")
_PROMPT_INPUTS = ("text", "t5xxl", "clip_l", "prompt", "value", "string")

Node = Mapping[str, Any]


def read(texts: Mapping[str, str]) -> Reading | None:
    """Return the first reading that a known program's texts give."""
    for reader in (_infotext, _swarm, _fooocus, _invoke, _novelai, _draw_things, _comfy):
        if reading := reader(texts):
            return reading
    return None


def _infotext(texts: Mapping[str, str]) -> Reading | None:
    for key in ("parameters", "Comment"):
        text = texts.get(key, "")
        if not text.startswith("{") and (reading := infotext.parse(text)):
            return reading
    return None


def _swarm(texts: Mapping[str, str]) -> Reading | None:
    params = _object(_object(texts.get("parameters")).get("sui_image_params"))
    names = {
        "prompt": "prompt",
        "width": "width",
        "height": "height",
        "steps": "steps",
        "seed": "seed",
        "guidance": "fluxguidancescale",
        "strength": "initimagecreativity",
        "variation_seed": "variationseed",
        "variation_strength": "variationseedstrength",
    }
    return _renamed("SwarmUI", params, names)


def _fooocus(texts: Mapping[str, str]) -> Reading | None:
    params = _object(texts.get("parameters"))
    if "fooocus" not in (texts.get("fooocus_scheme"), params.get("metadata_scheme")):
        return None
    sizes = _sized(params.get("resolution"))
    names = {"prompt": "prompt", "steps": "steps", "seed": "seed", "width": "w", "height": "h"}
    return _renamed("Fooocus", params | sizes, names)


def _invoke(texts: Mapping[str, str]) -> Reading | None:
    params = _object(texts.get("invokeai_metadata"))
    words = ("width", "height", "steps", "seed", "guidance", "strength")
    return _renamed(
        "InvokeAI", params, {word: word for word in words} | {"prompt": "positive_prompt"}
    )


def _novelai(texts: Mapping[str, str]) -> Reading | None:
    params = _object(texts.get("Comment"))
    if "uc" not in params and texts.get("Software") != "NovelAI":
        return None
    params = {"prompt": texts.get("Description", "")} | params
    words = ("prompt", "width", "height", "steps", "seed", "strength")
    return _renamed("NovelAI", params, {word: word for word in words})


def _draw_things(texts: Mapping[str, str]) -> Reading | None:
    comment = _COMMENT.search(texts.get(XMP, "")[:_MAX_XMP])
    params = _object(html.unescape(comment[1])) if comment else {}
    if "c" not in params:
        return None
    params = params | _sized(params.get("size"))
    names = {"prompt": "c", "width": "w", "height": "h", "steps": "steps", "seed": "seed"}
    if _below_one(params.get("strength")):
        names["strength"] = "strength"
    if "flux" in str(params.get("model", "")).lower():
        names["guidance"] = "scale"
    return _renamed("Draw Things", params, names)


def _comfy(texts: Mapping[str, str]) -> Reading | None:
    nodes = {
        key: node
        for key, node in list(_object(texts.get("prompt")).items())[:_MAX_NODES]
        if isinstance(node, dict) and isinstance(node.get("inputs"), dict)
    }
    samplers = [key for key in nodes if "Sampler" in str(nodes[key].get("class_type"))]
    sampler = next((key for key in samplers if "Select" not in nodes[key]["class_type"]), None)
    if sampler is None:
        return None
    met = list(_upstream(nodes, sampler))
    wanted = {
        "prompt": _prompt(nodes, sampler),
        "width": _first(met, "width"),
        "height": _first(met, "height"),
        "steps": _first(met, "steps"),
        "seed": _first(met, "seed", "noise_seed"),
        "guidance": _first(met, "guidance"),
    }
    denoise = _first(met, "denoise")
    if _below_one(denoise):
        wanted["strength"] = denoise
    names = ("ckpt_name", "unet_name", "cfg", "sampler_name", "scheduler", "lora_name")
    extra = {name: _first(met, name) for name in names}
    return foreign("ComfyUI", wanted, extra)


def _upstream(
    nodes: Mapping[str, Node], start: str, through: tuple[str, ...] = ()
) -> Iterator[Node]:
    """Yield a node and those it is fed by, nearest first, never by way of a negative prompt."""
    waiting, seen = deque([start]), {start}
    while waiting:
        node = nodes[waiting.popleft()]
        yield node["inputs"]
        for name, link in node["inputs"].items():
            source = _link(link)
            legal = name in through if through else name != "negative"
            if legal and source in nodes and source not in seen:
                seen.add(source)
                waiting.append(source)


def _link(value: object) -> str:
    """Return the node that an input comes from, as ComfyUI writes it: [node, output]."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str | int):
        return str(value[0])
    return ""


def _prompt(nodes: Mapping[str, Node], sampler: str) -> str:
    through = ("positive", "guider", "conditioning", *_PROMPT_INPUTS)
    for inputs in _upstream(nodes, sampler, through):
        for name in _PROMPT_INPUTS:
            if isinstance(inputs.get(name), str) and inputs[name].strip():
                return str(inputs[name])
    return ""


def _first(met: list[Node], *names: str) -> object:
    """Return the nearest plain value of an input, links left out."""
    values = (inputs[name] for inputs in met for name in names if name in inputs)
    return next((value for value in values if isinstance(value, str | int | float)), None)


def _renamed(source: str, params: Mapping[str, Any], names: Mapping[str, str]) -> Reading | None:
    """Sort settings by a table of our word → their name; None when there are none."""
    wanted = {word: params[name] for word, name in names.items() if name in params}
    if not wanted:
        return None
    extra = {key: value for key, value in params.items() if key not in names.values()}
    return foreign(source, wanted, extra)


def _object(value: object) -> dict[str, Any]:
    """Return a JSON object, given as text or already read; empty for everything else."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def _sized(value: object) -> dict[str, str]:
    found = _SIZE.search(str(value)[:100])
    return {"w": found[1], "h": found[2]} if found else {}


def _below_one(value: object) -> bool:
    """Tell a real strength from the 1 that programs write for images made from words alone."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1
