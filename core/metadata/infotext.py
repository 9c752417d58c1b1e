"""A1111's infotext: the lines that most programs read from an image, written and read.

The grammar is `prompt LF ["Negative prompt: " negative LF] key: value, key: value, …`. The copy
of the prompt in it is bent where its own words would mislead a reader; the exact one travels
in our own record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from core.metadata.reading import Reading, foreign

PROGRAM = "srpo-playground"
VERSION = f"{PROGRAM} 1.0.0"
RATIO = "\u2236"
NO_BREAK = "\u00a0"
MAX_COPY = 8_000
MAX_VALUE = 200

_MISLEADING = (
    "negative template|negative prompt|template|steps|seed|width|height|sampler|size|cfg scale"
    "|pipeline"
)
_COLON = re.compile(rf"({_MISLEADING})([ \t]*):", re.IGNORECASE)
_BENT = re.compile(rf"({_MISLEADING})([ \t]*){RATIO}", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")
_UNSAFE = re.compile(r"\s*[,:\"\n\r\t][,:\"\s]*")
# Lengths are bounded so that a hostile line cannot make the search quadratic.
_KEY = re.compile(r"[ \t]{0,16}(\w[\w \-/]{1,60}):[ \t]{0,16}")
_QUOTED = re.compile(r'"(?:\\.|[^\\"])+"')
_MAX_LINE = 64_000
_MAX_PAIRS = 200
_NEGATIVE = "Negative prompt:"
_OUR_WORDS = {
    "steps": "Steps",
    "seed": "Seed",
    "strength": "Denoising strength",
    "guidance": "Distilled CFG Scale",
    "variation_seed": "Variation seed",
    "variation_strength": "Variation seed strength",
}
_NOT_SHOWN = {"CFG scale", "Sampler", "Schedule type", "Version", "Model"}


def infotext(record: Mapping[str, Any]) -> str:
    """Return a record as infotext; values that are missing are left out."""
    prompt = _copy(str(record.get("prompt") or ""))
    line = ", ".join(f"{key}: {value}" for key, value in _pairs(record) if value)
    # SD.Next takes the prompt out of the settings as well, wherever it stands in them; with a blank
    # at its end that none of the readers keeps, it stands nowhere else.
    apart = NO_BREAK if f"{prompt} " in line else ""
    return f"{prompt}{apart}\n{line}" if prompt else line


def parse(text: str) -> Reading | None:
    """Read an infotext; None when its last line holds fewer than three settings."""
    *lines, last = text.replace("\r\n", "\n").strip().split("\n")
    pairs = dict(_settings(last[:_MAX_LINE]))
    if len(pairs) < 3 or not {"Steps", "Seed"} & pairs.keys():
        return None
    prompt, negative = _prompts(lines)
    if pairs.get("Version", "").startswith(PROGRAM):
        ours = _wanted(pairs) | {"prompt": _BENT.sub(r"\1\2:", prompt), "model": pairs.get("Model")}
        shown = {key: pairs[key] for key in pairs if key not in _used(pairs) | _NOT_SHOWN}
        return foreign(PROGRAM, ours, shown)
    extra = {key: pairs[key] for key in pairs if key not in _used(pairs)}
    return foreign("A1111", _wanted(pairs) | {"prompt": prompt}, {_NEGATIVE[:-1]: negative} | extra)


def _pairs(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    params, width, height = record.get("params"), record.get("width"), record.get("height")
    params = params if isinstance(params, Mapping) else {}
    picture = params.get("image")
    picture = picture if isinstance(picture, Mapping) else {}
    # Civitai finds the line by its first word, so steps come first.
    yield "Steps", _number(params.get("steps"))
    yield "Sampler", "Euler"
    yield "Schedule type", "Simple"
    # FLUX's guidance is distilled: as "CFG scale" it would make Forge run true CFG.
    yield "CFG scale", "1"
    yield "Distilled CFG Scale", _number(params.get("guidance"))
    yield "Seed", _number(record.get("seed"))
    yield "Size", f"{_number(width)}x{_number(height)}" if width and height else ""
    yield "Model", _safe(record.get("model"))
    yield "Denoising strength", _number(params.get("strength"))
    if params.get("variation_strength"):
        yield "Variation seed", _number(params.get("variation_seed"))
        yield "Variation seed strength", _number(params.get("variation_strength"))
    yield "Init image hash", str(picture.get("sha256", ""))[:16]
    yield "Backend", _safe(record.get("backend"))
    yield "Prediction ID", _safe(record.get("request_id"))
    yield "Cost USD", _number(record.get("price_usd"))
    yield "Created", _created(record.get("created_at"))
    ran = record.get("ran")
    for name, value in ran.items() if isinstance(ran, Mapping) else ():
        key = _safe(name.replace("_", " ").capitalize())
        yield key, _safe(_words(value))[:MAX_VALUE]
    yield "Sandbox", "yes" if record.get("sandbox") else ""
    yield "Version", VERSION


def _copy(prompt: str) -> str:
    """Return the prompt as other programs may see it: no line or colon that misleads them."""
    lines = "\n".join(prompt[: MAX_COPY + 1].splitlines()).strip()
    text = _COLON.sub(rf"\1\2{RATIO}", _CONTROL.sub("", lines))
    return text if len(prompt) <= MAX_COPY else text[: MAX_COPY - 1] + "…"


def _number(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value) if isinstance(value, int) else f"{value:.6f}".rstrip("0").rstrip(".")


def _safe(value: object) -> str:
    return _UNSAFE.sub("-", _CONTROL.sub("", str(value).strip())) if value else ""


def _words(value: object) -> str:
    if isinstance(value, list):
        sizes = all(isinstance(one, int) for one in value)
        return ("x" if sizes else " ").join(str(one) for one in value)
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _created(value: object) -> str:
    try:
        moment = datetime.fromisoformat(str(value)).astimezone(UTC)
    except (ValueError, OverflowError):
        return ""
    return moment.strftime("%Y-%m-%dT%H-%M-%SZ")


def _settings(line: str) -> Iterator[tuple[str, str]]:
    at = 0
    for _ in range(_MAX_PAIRS):
        comma = line.find(",", at)
        if key := _KEY.match(line, at):
            quoted = _QUOTED.match(line, key.end())
            comma = line.find(",", quoted.end() if quoted else key.end())
            stop = comma if comma >= 0 else len(line)
            yield key[1], _unquoted(line[key.end() : stop].strip())
        if comma < 0:
            return
        at = comma + 1


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except (ValueError, RecursionError):
        return value


def _prompts(lines: list[str]) -> tuple[str, str]:
    """Split the lines above the settings into what is wanted and what is not."""
    for number, line in enumerate(lines):
        if line.strip().startswith(_NEGATIVE):
            first = line.strip()[len(_NEGATIVE) :].strip()
            return "\n".join(lines[:number]).strip(), "\n".join(
                [first, *lines[number + 1 :]]
            ).strip()
    return "\n".join(lines).strip(), ""


def _wanted(pairs: Mapping[str, str]) -> dict[str, object]:
    wanted: dict[str, object] = {
        word: pairs[key] for word, key in _OUR_WORDS.items() if key in pairs
    }
    if "guidance" not in wanted and "CFG scale" in _used(pairs):
        wanted["guidance"] = pairs["CFG scale"]
    width, cross, height = pairs.get("Size", "").partition("x")
    return wanted | ({"width": width, "height": height} if cross else {})


def _used(pairs: Mapping[str, str]) -> set[str]:
    """Name the settings that our words hold; true CFG of other models is not our guidance."""
    used = {"Size", *_OUR_WORDS.values()}
    flux = "flux" in pairs.get("Model", "").lower() and "Distilled CFG Scale" not in pairs
    return used | ({"CFG scale"} if flux else set())
