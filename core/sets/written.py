"""Values of an axis as a person writes them: `1, 3.5, 5`, `1–6 in 6 steps`, `+1`, `random 4`."""

from __future__ import annotations

import re
from typing import Any

from core.controls import Control
from core.errors import InputError
from core.params import MAX_SEED, draw_seed
from core.sets.axes import MOST_VALUES
from core.words import english

SEEDS = ("seed", "variation_seed")
NUMBER = r"[-+]?\d+(?:\.\d+)?"
RANGE = re.compile(
    rf"({NUMBER})\s*(?:–|—|-|\.\.|to)\s*({NUMBER})"
    rf"(?:\s+(?:in\s+(\d+)(?:\s+steps?)?|by\s+({NUMBER})))?"
)
RANDOM = re.compile(r"random\s+(\d+)", re.IGNORECASE)
REPLACED = re.compile(r"(.+?)\s*=>\s*(.+)", re.DOTALL)


def axis_written(text: str, control: Control, base: Any = None) -> dict[str, Any]:
    """Read the values of a field into an axis of the named API.

    `base` is the field's value in the request: `+1` counts from it, or from the first seed that is
    written. Raises InputError with one sentence; its field is "axes".
    """
    if not text.strip():
        raise _wrong(english("sets-write-values-try-with-commas", label=control.label))
    if control.name == "prompt":
        return _prompts(text)
    if control.name in SEEDS:
        return {"field": control.name, "values": _seeds(text, control.label, base)}
    values: list[Any] = []
    for part in parts(text):
        values += _values(part, control)
        if len(values) > MOST_VALUES:
            raise _wrong(
                english(
                    "sets-these-are-more-than-values",
                    label=control.label,
                    most_values=f"{MOST_VALUES:,}",
                )
            )
    return {"field": control.name, "values": values}


def parts(text: str) -> list[str]:
    """Split at commas, semicolons and line ends; what stands in quotes stays whole."""
    found = re.findall(r'\s*"((?:[^"]|"")*)"\s*(?:[,;\n]|$)|([^,;\n]+)', text)
    written = (quoted.replace('""', '"') if quoted else plain for quoted, plain in found)
    return [part.strip() for part in written if part.strip()]


def _prompts(text: str) -> dict[str, Any]:
    """Read `sunset => dawn, noon`, or one prompt a line."""
    match = REPLACED.fullmatch(text.strip())
    if match:
        return {"field": "prompt", "replace": match[1].strip(), "values": parts(match[2])}
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return {"field": "prompt", "values": lines}


def _seeds(text: str, name: str, base: Any) -> list[int]:
    first = base if isinstance(base, int) and not isinstance(base, bool) and base >= 0 else None
    values: list[int] = []
    for part in parts(text):
        if drawn := RANDOM.fullmatch(part):
            count = _counted(int(drawn[1]), name)
            values += [draw_seed() for _ in range(count)]
        elif part.startswith("+") and part[1:].isdecimal():
            if first is None:
                first = draw_seed()
            values.append((first + int(part[1:])) % (MAX_SEED + 1))
        elif part.isdecimal() and part.isascii():
            values.append(int(part))
        elif match := RANGE.fullmatch(part):
            values += [int(value) for value in _range(match, name, whole=True)]
        else:
            raise _wrong(
                english("sets-no-seed", name=name, part=part[:40]),
                english("sets-write-numbers-1-or-random"),
            )
        first = values[0] if first is None else first
    return values


def _values(part: str, control: Control) -> list[Any]:
    if control.kind == "slider":
        whole = control.step is not None and float(control.step).is_integer()
        if re.fullmatch(NUMBER, part):
            return [int(part) if re.fullmatch(r"[-+]?\d+", part) else float(part)]
        if match := RANGE.fullmatch(part):
            return _range(match, control.label, whole=whole)
        raise _wrong(
            english("sets-no-number", label=control.label, part=part[:40]),
            english("sets-write-numbers-with-commas-between"),
        )
    if control.kind == "choice":
        chosen = [one for one in control.choices if one.lower() == part.lower()]
        if not chosen:
            raise _wrong(
                english("sets-there-no", label=control.label, part=part[:40]),
                english("sets-choose-from", choices=", ".join(control.choices)),
            )
        return chosen[:1]
    if control.kind == "toggle":
        if part.lower() not in ("yes", "no", "on", "off", "true", "false"):
            raise _wrong(english("sets-write-yes-no-or-both", label=control.label))
        return [part.lower() in ("yes", "on", "true")]
    return [part]


def _range(match: re.Match[str], name: str, *, whole: bool) -> list[Any]:
    """Return evenly spaced values from one end to the other, both included."""
    low, high = float(match[1]), float(match[2])
    if match[4]:
        step = abs(float(match[4]))
        if not step:
            raise _wrong(english("sets-range-cannot-go-in-steps", name=name))
        count = int(abs(high - low) / step + 1e-9) + 1
        step = step if high >= low else -step
    else:
        count = int(match[3]) if match[3] else round(abs(high - low)) + 1
        step = (high - low) / (count - 1) if count > 1 else 0.0
    count = _counted(count, name)
    values = [low + step * number for number in range(count)]
    if whole:
        return list(dict.fromkeys(round(value) for value in values))
    return [round(value, 4) for value in values]


def _counted(count: int, name: str) -> int:
    if not 1 <= count <= MOST_VALUES:
        raise _wrong(
            english(
                "sets-asks-for-values-most",
                name=name,
                count=f"{count:,}",
                most_values=f"{MOST_VALUES:,}",
            )
        )
    return count


def _wrong(text: str, advice: str = english("sets-change-axis")) -> InputError:
    return InputError(text, field="axes", advice=advice)
