"""Form controls derived from params: a control exists if and only if the field does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from core.params import Params

Kind = Literal["text", "slider", "number", "choice", "toggle", "picture"]


@dataclass(frozen=True, slots=True)
class Control:
    """How one field of a params type is asked for; limits are the field's own."""

    name: str
    kind: Kind
    label: str
    help: str
    default: Any = None
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    counted: bool = False
    """It is the share of the steps that are run."""


def controls(kind: type[Params]) -> list[Control]:
    """Return the controls of a params type, in the order of its fields."""
    properties = kind.model_json_schema()["properties"]
    return [_control(name, properties[name]) for name in kind.model_fields]


def _control(name: str, schema: dict[str, Any]) -> Control:
    kind = _kind(name, schema)
    return Control(
        name=name,
        kind=kind,
        label=schema.get("title", name),
        help=schema.get("description", ""),
        default=schema.get("default"),
        low=schema.get("minimum"),
        high=schema.get("maximum"),
        step=schema.get("step", 1 if schema.get("type") == "integer" else None),
        counted=bool(schema.get("counted", False)),
        choices=tuple(schema.get("enum", [schema["const"]] if "const" in schema else [])),
    )


def _kind(name: str, schema: dict[str, Any]) -> Kind:
    """Tell the kind of control from the JSON schema of a field."""
    if name == "image":
        return "picture"
    if name in ("seed", "variation_seed"):
        return "number"
    if "enum" in schema or "const" in schema:
        return "choice"
    match schema.get("type"):
        case "boolean":
            return "toggle"
        case "integer" | "number":
            return "slider"
        case "string":
            return "text"
    raise TypeError(f"no control for the field {name!r}: {schema}")
