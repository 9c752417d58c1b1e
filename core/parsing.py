"""Values from outside become params, or one sentence at the field that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from core.errors import InputError
from core.params import Params
from core.pictures import Picture
from core.words import english

P = TypeVar("P", bound=Params)


def parse(kind: type[P], values: Mapping[str, Any]) -> P:
    """Build params from outside values, or raise `InputError` with one sentence for the field."""
    try:
        return kind(**values)
    except ValidationError as error:
        raise _explained(kind, error) from error


def read_field(kind: type[Params], name: str, text: str) -> Any:
    """Read one value that came as text, as an address has it.

    Raises InputError with a sentence for the field, also where this kind has none of that name.
    """
    whole: dict[str, Any] = {"prompt": "x", name: text}
    try:
        return getattr(kind.model_validate(whole), name)
    except ValidationError as error:
        mine = [one for one in error.errors(include_url=False) if one["loc"][:1] == (name,)]
        if mine:
            raise _explained_as(kind, mine[0]) from error
    # Another field is missing: an image, which no address can hold. What is left is right.
    whole["image"] = Picture(sha256="", media_type="", width=1, height=1)
    return getattr(kind.model_validate(whole), name)


def fitting(kind: type[P], values: Mapping[str, Any]) -> P:
    """Build params from those values that this kind takes; the rest is as at first.

    Raises InputError for a prompt or an image it cannot do without.
    """
    known = {name: value for name, value in values.items() if name in kind.model_fields}
    try:
        return parse(kind, known)
    except InputError as error:
        if error.field in ("prompt", "image") or error.field not in known:
            raise
        return fitting(kind, {name: known[name] for name in known if name != error.field})


def _explained(kind: type[Params], error: ValidationError) -> InputError:
    """Turn the first of pydantic's findings into a sentence for a person."""
    return _explained_as(kind, error.errors(include_url=False)[0])


def _explained_as(kind: type[Params], finding: Any) -> InputError:
    name = str(finding["loc"][0]) if finding["loc"] else ""
    field = kind.model_fields.get(name)
    title = field.title if field and field.title else name
    limits = finding.get("ctx", {})
    match finding["type"]:
        case "string_too_short":
            return InputError(
                english("value-empty", lower=title.lower()),
                field=name,
                advice=english("value-write-few-words-first"),
            )
        case "string_too_long":
            return InputError(
                english(
                    "value-longer-than-characters",
                    lower=title.lower(),
                    limits=f"{limits['max_length']:,}",
                ),
                field=name,
                advice=english("shorten-it"),
            )
        case "control_character" | "string_unicode":
            return InputError(
                english("value-contains-characters-cannot-sent", lower=title.lower()),
                field=name,
                advice=english("value-type-again-instead-pasting"),
            )
        case "missing" if name == "image":
            return InputError(
                english("value-there-no-image-start-from"),
                field=name,
                advice=english("value-add-image-first"),
            )
        case "missing":
            return InputError(
                english("value-missing", title=title), field=name, advice=english("value-fill-in")
            )
        case "extra_forbidden":
            return InputError(
                english("value-backend-has-no-setting-called", name=name[:40]),
                field=name,
                advice=english("value-offers", names=", ".join(kind.model_fields)),
            )
    return InputError(
        _expected(kind, name, title),
        field=name,
        advice=english("studio-change-value"),
    )


def _expected(kind: type[Params], name: str, title: str) -> str:
    """Say what a field takes, from its schema: a range, a choice or a type."""
    schema = kind.model_json_schema()["properties"].get(name, {})
    if "enum" in schema:
        choices = ", ".join(str(choice) for choice in schema["enum"])
        return english("value-one-of", title=title, choices=choices)
    if "minimum" in schema and "maximum" in schema:
        low, high = schema["minimum"], schema["maximum"]
        if "multipleOf" in schema and schema.get("type") == "integer":
            step = schema["multipleOf"]
            return english("value-multiple", title=title, step=step, low=low, high=high)
        if schema.get("type") == "integer":
            return english("value-whole", title=title, low=low, high=high)
        return english("value-range", title=title, low=f"{low:g}", high=f"{high:g}")
    wanted = {"boolean": "yes-no", "string": "text"}.get(schema.get("type"), "number")
    return english(f"value-{wanted}", title=title)
