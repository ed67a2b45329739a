"""The OpenAPI document: what flask-openapi3 finds in the routes, and what all routes have in common.

Every operation gets a stable id, its roles, the headers of every answer, the problems it may answer with, and examples.
A new route needs nothing of this in its own code.
"""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.api.access import MAY_BE_EMPTY, PERMISSIONS, ROLES
from gateway.api.examples import BY_NAME, example_of
from gateway.api.problems import PROBLEMS
from gateway.api.refusals import refusals

Document = dict[str, Any]

_RATE_HEADERS = {
    "X-RateLimit-Limit": "Requests that the key may make in a window.",
    "X-RateLimit-Remaining": "How many are left.",
    "X-RateLimit-Reset": "When the window ends, in seconds since 1970.",
}
_HEADERS: Mapping[str, Document] = {
    **{
        name: {"description": description, "schema": {"type": "integer"}} for name, description in _RATE_HEADERS.items()
    },
    "ETag": {"description": "Names this very answer, for If-None-Match.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
    "Idempotency-Replayed": {
        "description": "There when this is the answer to an earlier request with the same key.",
        "schema": {"type": "string", "const": "true"},
    },
}
_WAITING = frozenset({429, 503})
_PROBLEM: Document = {
    "type": "object",
    "title": "Problem",
    "description": "Why a request was refused (RFC 9457). Some codes have further members.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string", "description": "What the code means."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "code": {"type": "string", "enum": list(PROBLEMS), "description": "A stable word for programs."},
        "detail": {"type": "string", "description": "What is wrong with this request, for people."},
        "errors": {
            "type": "array",
            "description": "With invalid_request: each fault with its field.",
            "items": {
                "type": "object",
                "required": ["field", "problem"],
                "properties": {
                    "in": {"type": "string", "description": "path, query, header, form or body."},
                    "field": {"type": "string"},
                    "problem": {"type": "string"},
                },
            },
        },
        "retry_after": {"type": "integer", "description": "Seconds to wait; the Retry-After header too."},
    },
    "additionalProperties": True,
}
_IDEMPOTENCY_KEY: Document = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A name of your choice for this request. Sent again within two days, the same request gets the same "
    "answer and nothing happens twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[\\x21-\\x7e]+$"},
}
_IF_NONE_MATCH: Document = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of the answer you have: 304 without a body when nothing changed.",
    "schema": {"type": "string"},
}


def described(found: Document, endpoints: Mapping[tuple[str, str], str]) -> Document:
    """The document to publish.

    Args:
        found: flask-openapi3's.
        endpoints: (method, path with {names}) -> endpoint.
    """
    document = copy.deepcopy(found)
    components = document["components"]
    schemas = components["schemas"]
    schemas.pop("ValidationErrorModel", None)
    schemas["Problem"] = copy.deepcopy(_PROBLEM)
    components["headers"] = copy.deepcopy(dict(_HEADERS))
    components["securitySchemes"]["key"]["description"] = (
        'An API key, as "Authorization: Bearer KEY". Each has one of the roles ' + ", ".join(ROLES) + "."
    )
    for path, method, operation in operations(document):
        _complete(operation, method, endpoints[method, path], schemas)
    return document


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Path, method and operation of everything a document describes."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def endpoints_of(url_map: Any) -> Mapping[tuple[str, str], str]:
    """(method, path as OpenAPI writes it) -> endpoint, of an application's routes."""
    return {
        (method.lower(), re.sub(r"<(?:[^<>]*:)?([^<>]+)>", r"{\1}", rule.rule)): rule.endpoint
        for rule in url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def _complete(operation: Document, method: str, endpoint: str, schemas: Mapping[str, Any]) -> None:
    roles = PERMISSIONS[endpoint]
    operation["operationId"] = endpoint.rpartition(".")[2]
    operation["x-roles"] = [role for role in ROLES if role in roles]
    if "description" in operation:
        operation["description"] = operation["description"].replace("<br/>", "\n").strip()
    _plain_parameters(operation, schemas)
    answers = operation["responses"]
    if answers.get("422", {}).get("content", {}).keys() == {"application/json"}:
        del answers["422"]  # the library's own, which ours replace
    for status, answer in answers.items():
        _with_examples(answer.get("content", {}), schemas)
        _name_headers(answer, method, int(status))
    if method == "get" and "application/json" in answers.get("200", {}).get("content", {}):
        answers["304"] = {"description": "It is the answer you have.", "headers": _references(("ETag", *_RATE_HEADERS))}
        operation.setdefault("parameters", []).append(copy.deepcopy(_IF_NONE_MATCH))
    codes = refusals(endpoint, method, operation, roles)
    if method == "post":
        operation.setdefault("parameters", []).append(copy.deepcopy(_IDEMPOTENCY_KEY))
    if "requestBody" in operation:
        operation["requestBody"]["required"] = endpoint not in MAY_BE_EMPTY
    asked = operation.get("requestBody", {}).get("content", {})
    _name_files(asked)
    _with_examples(asked, schemas)
    _add_problems(answers, codes)


def _name_files(content: Document) -> None:
    """A body that is a file as it is gets that for its schema: made clients would send its text otherwise."""
    for kind, shown in content.items():
        if kind not in {"application/json", "multipart/form-data"}:
            shown["schema"] = {"type": "string", "format": "binary"}


def _plain_parameters(operation: Document, schemas: Mapping[str, Any]) -> None:
    """A parameter that may be left out is not null: an address has no null."""
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
        if len(choices) == 1:
            kept = {name: value for name, value in schema.items() if name not in {"anyOf", "default"}}
            parameter["schema"] = schema = {**kept, **choices[0]}
        schema.pop("title", None)
        if parameter["name"] in BY_NAME:
            parameter.setdefault("example", example_of(schema, schemas, parameter["name"]))


def _with_examples(content: Document, schemas: Mapping[str, Any]) -> None:
    for kind, shown in content.items():
        if kind == "application/json" and "schema" in shown and "example" not in shown and "examples" not in shown:
            shown["example"] = example_of(shown["schema"], schemas)


def _name_headers(answer: Document, method: str, status: int) -> None:
    names = list(_RATE_HEADERS)
    if method == "get" and status == 200 and "application/json" in answer.get("content", {}):
        names.append("ETag")
    if method == "post":
        names.append("Idempotency-Replayed")
    answer.setdefault("headers", {}).update(_references(names))


def _references(names: Any) -> Document:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _add_problems(answers: Document, codes: Any) -> None:
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(PROBLEMS[code].status, []).append(code)
    for status, named in sorted(by_status.items()):
        first = PROBLEMS[named[0]]
        example = {"type": "about:blank", "title": first.title, "status": status, "code": first.code}
        example["detail"] = f"{first.title}."
        shown = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
        answer = answers.setdefault(str(status), {"description": ""})
        said = " ".join(f"`{code}`: {PROBLEMS[code].title}." for code in named)
        answer["description"] = f"{answer['description']} {said}".strip()
        answer.setdefault("content", {})["application/problem+json"] = shown
        answer["x-codes"] = named
        if status in _WAITING:
            answer.setdefault("headers", {}).update(_references(["Retry-After"]))
