"""The OpenAPI document as people read it: groups of operations with their fields, answers and a request to copy."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.api.describing import Document, operations
from gateway.api.examples import resolved

_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Row:
    """A field or parameter. where: path, query, header or body."""

    name: str
    where: str
    kind: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What an operation may answer with. example: as JSON, or ""."""

    status: str
    description: str
    kinds: Sequence[str]
    codes: Sequence[str]
    example: str


@dataclass(frozen=True, slots=True)
class Described:
    """An operation, ready to be shown."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    roles: Sequence[str]
    asked: Sequence[Row]
    answered: Sequence[Answered]
    fields: Sequence[Row]
    curl: str


@dataclass(frozen=True, slots=True)
class Group:
    """Operations about one thing."""

    name: str
    description: str
    operations: Sequence[Described]


def groups_of(document: Document, base_url: str) -> list[Group]:
    """All operations of a document, by what they are about.

    Args:
        document: finished, see gateway.api.describing.
        base_url: of this installation, for requests to copy.
    """
    schemas = document["components"]["schemas"]
    by_tag: dict[str, list[Described]] = {tag["name"]: [] for tag in document.get("tags", ())}
    for path, method, operation in operations(document):
        by_tag[operation["tags"][0]].append(_described(path, method, operation, schemas, base_url))
    about = {tag["name"]: tag.get("description", "") for tag in document.get("tags", ())}
    return [Group(name, about[name], found) for name, found in by_tag.items() if found]


def _described(path: str, method: str, operation: Document, schemas: Mapping[str, Any], base_url: str) -> Described:
    asked = [
        Row(
            parameter["name"],
            parameter["in"],
            _kind(parameter["schema"], schemas),
            parameter.get("required", False),
            parameter.get("description", "") or parameter["schema"].get("description", ""),
        )
        for parameter in operation.get("parameters", ())
    ]
    for shown in operation.get("requestBody", {}).get("content", {}).values():
        asked += _rows(shown.get("schema", {}), schemas, "body")
    good = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
    fields: list[Row] = []
    for shown in (good[0].get("content", {}) if good else {}).values():
        fields += _rows(shown.get("schema", {}), schemas, "answer")
    return Described(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        roles=operation["x-roles"],
        asked=asked,
        answered=[_answered(status, answer) for status, answer in sorted(operation["responses"].items())],
        fields=fields,
        curl=_curl(path, method, operation, base_url),
    )


def _answered(status: str, answer: Document) -> Answered:
    content = answer.get("content", {})
    example = content.get("application/json", {}).get("example") if status.startswith("2") else None
    return Answered(
        status=status,
        description=answer.get("description", ""),
        kinds=list(content),
        codes=answer.get("x-codes", []),
        example="" if example is None else json.dumps(example, indent=2, ensure_ascii=False),
    )


def _rows(schema: Mapping[str, Any], schemas: Mapping[str, Any], where: str, prefix: str = "") -> Iterator[Row]:
    schema = resolved(_plain(schema), schemas)
    if schema.get("type") == "array":
        schema = resolved(_plain(schema.get("items", {})), schemas)
    if prefix.count(".") >= _DEEPEST:
        return
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        described = inner.get("description", "")
        yield Row(f"{prefix}{name}", where, _kind(inner, schemas), name in required, described)
        yield from _rows(inner, schemas, where, f"{prefix}{name}.")


def _plain(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one thing a schema may be besides null; the schema itself when there are several."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    return choices[0] if len(choices) == 1 else schema


def _kind(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    inner = resolved(_plain(schema), schemas)
    words = " or ".join(json.dumps(value) for value in inner["enum"]) if "enum" in inner else inner.get("type", "any")
    if inner.get("type") == "array":
        words = f"list of {_kind(inner.get('items', {}), schemas)}"
    words = {"date-time": "time (RFC 3339)", "binary": "file"}.get(inner.get("format", ""), words)
    for name, said in (("maxLength", "at most {} characters"), ("maximum", "at most {}"), ("maxItems", "at most {}")):
        if name in inner and "enum" not in inner:
            words += f", {said.format(inner[name])}"
    return words + (" or null" if any(choice.get("type") == "null" for choice in schema.get("anyOf", ())) else "")


def _curl(path: str, method: str, operation: Document, base_url: str) -> str:
    parameters = operation.get("parameters", ())
    given = {row["name"]: str(row.get("example", row["name"])) for row in parameters if row["in"] == "path"}
    query = "&".join(
        f"{row['name']}={str(row.get('example', row['name'])).replace('+', '%2B')}"
        for row in parameters
        if row["in"] == "query" and row.get("required")
    )
    address = base_url + path.format(**given) + (f"?{query}" if query else "")
    lines = [f"curl -X {method.upper()} {shlex.quote(address)}", "-H 'Authorization: Bearer KEY'"]
    if method == "post":
        lines.append("-H 'Idempotency-Key: order-17'")
    for kind, shown in operation.get("requestBody", {}).get("content", {}).items():
        if kind == "multipart/form-data":
            lines.append("-F file=@list.csv")
        elif kind == "application/json":
            body = json.dumps(shown.get("example", {}), ensure_ascii=False)
            lines += [f"-H 'Content-Type: {kind}'", f"-d {shlex.quote(body)}"]
        else:
            lines += [f"-H 'Content-Type: {kind}'", "--data-binary @list.csv"]
    return " \\\n  ".join(lines)
