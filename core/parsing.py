"""Values from outside become params, or one sentence at the field that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from core.errors import InputError
from core.params import Params

P = TypeVar("P", bound=Params)


def parse(kind: type[P], values: Mapping[str, Any]) -> P:
    """Build params from outside values, or raise `InputError` with one sentence for the field."""
    try:
        return kind(**values)
    except ValidationError as error:
        raise _explained(kind, error) from error


def _explained(kind: type[Params], error: ValidationError) -> InputError:
    """Turn the first of pydantic's findings into a sentence for a person."""
    finding = error.errors(include_url=False)[0]
    name = str(finding["loc"][0]) if finding["loc"] else ""
    field = kind.model_fields.get(name)
    title = field.title if field and field.title else name
    limits = finding.get("ctx", {})
    match finding["type"]:
        case "string_too_short":
            return InputError(
                f"The {title.lower()} is empty.", field=name, advice="Write a few words first."
            )
        case "string_too_long":
            return InputError(
                f"The {title.lower()} is longer than {limits['max_length']:,} characters.",
                field=name,
                advice="Shorten it.",
            )
        case "control_character" | "string_unicode":
            return InputError(
                f"The {title.lower()} contains characters that cannot be sent.",
                field=name,
                advice="Type it again instead of pasting it.",
            )
        case "missing" if name == "image":
            return InputError(
                "There is no image to start from.", field=name, advice="Add an image first."
            )
        case "missing":
            return InputError(f"{title} is missing.", field=name, advice="Fill it in.")
        case "extra_forbidden":
            return InputError(
                f"This backend has no setting called “{name[:40]}”.",
                field=name,
                advice="It offers: " + ", ".join(kind.model_fields) + ".",
            )
    return InputError(f"{title} {_expected(kind, name)}.", field=name, advice="Change the value.")


def _expected(kind: type[Params], name: str) -> str:
    """Say what a field takes, from its schema: a range, a choice or a type."""
    schema = kind.model_json_schema()["properties"].get(name, {})
    if "enum" in schema:
        return "must be one of " + ", ".join(str(choice) for choice in schema["enum"])
    if "minimum" in schema and "maximum" in schema:
        if schema.get("type") == "integer":
            what = (
                f"multiple of {schema['multipleOf']}" if "multipleOf" in schema else "whole number"
            )
            return f"must be a {what} from {schema['minimum']} to {schema['maximum']}"
        return f"must be from {schema['minimum']:g} to {schema['maximum']:g}"
    return "must be a " + {"boolean": "yes or a no", "string": "text"}.get(
        schema.get("type"), "number"
    )
