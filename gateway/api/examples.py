"""Examples for the API's documentation, made from the schemas: one table of values by field name, and the types."""

from collections.abc import Mapping
from typing import Any

_PERSON = "+14155550100"
_TIME = "2026-03-02T15:04:05Z"
_ID = "00f3a1c2b4d5e6978812a3b4c5d6e7f8"

BY_NAME: Mapping[str, Any] = {
    "number": _PERSON,
    "numbers": _PERSON,
    "to": _PERSON,
    "phone": _PERSON,
    "from": "+12025550100",
    "sender": "+12025550100",
    "text_to": "+12025550100",
    "body": "Book fair on Saturday.",
    "text": "Book fair on Saturday.",
    "audience": "newsletter",
    "country": "US",
    "default_country": "US",
    "cursor": "IjE3MDkzOTE4NDUwMDAtMC0wMC0wIg.5b1cQ0vUq3o",
    "next": None,
    "id": _ID,
    "idempotency_key": "order-17",
    "email": "sam@example.com",
    "url": "https://example.com/stopgate-events",
    "word": "JOIN",
    "words": "stop",
    "language": "en",
    "note": "said so on the phone",
    "reason": "entered by mistake",
    "first_name": "Sam",
    "last_name": "Rivera",
    "at": _TIME,
    "name": "opt_out_message",
    "Idempotency-Key": "order-17",
    "If-None-Match": '"3f786850e387550fdab836ed7e6dc881de23001b"',
}
"""What a field of this name is like. Of a list, its members."""


def example_of(schema: Mapping[str, Any], components: Mapping[str, Any], name: str = "") -> Any:
    """A value that a schema allows.

    Args:
        schema: as the OpenAPI document has it.
        components: its schemas, by name.
        name: of the field the value is for.
    """
    schema = resolved(schema, components)
    for given in ("example", "const"):
        if given in schema:
            return schema[given]
    if schema.get("examples"):
        return schema["examples"][0]
    if "enum" in schema:
        return schema["default"] if schema.get("default") in schema["enum"] else schema["enum"][0]
    if name in BY_NAME and BY_NAME[name] is None and nullable(schema):
        return None
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return example_of(_first_of(schema[choice]), components, name)
    return _of_type(schema, components, name)


def resolved(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself, when a reference stands for it."""
    while "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    return schema


def nullable(schema: Mapping[str, Any]) -> bool:
    """True when null is allowed."""
    return any(choice.get("type") == "null" for choice in schema.get("anyOf", ()))


def _first_of(choices: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(choice for choice in choices if choice.get("type") != "null")
    return found


def _of_type(schema: Mapping[str, Any], components: Mapping[str, Any], name: str) -> Any:
    kind = schema.get("type", "object")
    if kind == "object":
        return {
            field: example_of(inner, components, field)
            for field, inner in schema.get("properties", {}).items()
            if not inner.get("deprecated")
        }
    if kind == "array":
        return [example_of(schema.get("items", {}), components, name)]
    if kind == "string":
        return _string(schema, name)
    if kind in {"integer", "number"}:
        return schema.get("default") or max(1, schema.get("minimum", 1))
    return {"boolean": schema.get("default", False)}.get(kind)


def _string(schema: Mapping[str, Any], name: str) -> str:
    if schema.get("format") == "date-time":
        return _TIME
    if schema.get("format") == "date":
        return _TIME[:10]
    if schema.get("format") == "binary":
        return "(a file)"
    known = BY_NAME.get(name)
    text = known if isinstance(known, str) else str(schema.get("default") or name.replace("_", " ") or "text")
    return text[: schema.get("maxLength", len(text))]
