"""The API against its own description: every operation, every role, data that fits and data that does not.

Generic on purpose: a route is covered by being in the OpenAPI document. `STOPGATE_SPEC_EXAMPLES=500` looks longer
(`make api-long`).
"""

import os
import re
from collections.abc import Iterator
from typing import Any

import html5lib
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.api.access import PERMISSIONS, ROLES
from gateway.api.conventions import ADVICE
from gateway.api.describing import Document, operations
from gateway.api.examples import BY_NAME
from gateway.api.models import SendBody
from gateway.api.problems import PROBLEMS
from gateway.app import create_app
from gateway.services import Services, build
from gateway.settings import load_settings
from tests.conftest import DIRECTORY, FakeClock
from tests.webhooks import text

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
EXAMPLES = int(os.environ.get("STOPGATE_SPEC_EXAMPLES", "0"))


@pytest.fixture
def unlimited(environment: dict[str, str], clock: FakeClock) -> Iterator[Services]:
    """An installation without rate limits, with something in it."""
    built = build(load_settings({**environment, "STOPGATE_API_RATE": "off"}), clock=clock)
    built.configuration.apply(built.configuration.plan(built.configuration.read(DIRECTORY)))
    yield built
    built.close()


@pytest.fixture
def document(services: Services) -> Document:
    found: Document = create_app(services).test_client().get("/api/v1/openapi.json").get_json()
    return found


def test_bodies_that_may_be_left_out_and_files_say_so_to_whoever_makes_a_client(document: Document) -> None:
    bodies = {
        operation["operationId"]: operation["requestBody"]
        for path in document["paths"].values()
        for operation in path.values()
        if "requestBody" in operation
    }
    assert {name for name, body in bodies.items() if not body["required"]} == {"undo_import"}
    schemas = [shown["schema"] for shown in bodies["scrub_list"]["content"].values()]
    assert schemas == [{"type": "string", "format": "binary"}] * 5


def test_the_description_is_valid_openapi_3_1(document: Document) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document, cls=OpenAPIV31SpecValidator)


def test_every_operation_says_who_may_use_it_and_how_it_is_refused(document: Document) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert sorted(ids) == sorted(endpoint.rpartition(".")[2] for endpoint in PERMISSIONS)
    assert len(ids) == len(set(ids))
    for path, method, operation in operations(document):
        assert operation["x-roles"], (method, path)
        assert operation["summary"], (method, path)
        assert operation["tags"], (method, path)
        assert operation["security"] == [{"key": []}], (method, path)
        assert {"401", "429", "503"} <= operation["responses"].keys(), (method, path)
        for status, answer in operation["responses"].items():
            if status[0] in "45":
                assert "application/problem+json" in answer["content"], (method, path, status)
        if method == "post":
            assert "Idempotency-Key" in {parameter["name"] for parameter in operation["parameters"]}


def problem_is_documented(response: Any, case: Case) -> None:
    """A refusal's code is one that this very operation names."""
    if response.status_code >= 400:
        named = case.operation.definition.raw["responses"][str(response.status_code)]["x-codes"]
        assert response.json()["code"] in named, (case.operation.label, response.json())


def realistic(value: Any, name: str = "") -> Any:
    """A generated body with values that mean something where the field's name is known."""
    if isinstance(value, dict):
        return {key: realistic(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [realistic(inner, name) for inner in value]
    return BY_NAME.get(name, value) if isinstance(value, str) else value


def call(case: Case, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    response = case.call(headers=headers)
    try:
        case.validate_response(response, checks=CHECKS, headers=headers)
    except FailureGroup as failures:
        raise AssertionError(f"{case.operation.label}: {failures.exceptions}\n{case.as_curl_command()}") from None
    problem_is_documented(response, case)


def fuzz(operation: Any, mode: GenerationMode, key: str, most: int) -> None:
    @settings(
        max_examples=most,
        deadline=None,
        database=None,
        derandomize=not EXAMPLES,
        phases=[Phase.generate],  # a failure names its request; a smaller one is not worth the time
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode), meaning=st.booleans())
    def run(case: Case, meaning: bool) -> None:
        if meaning and mode is GenerationMode.POSITIVE:
            case.body = realistic(case.body)
            case.query = realistic(case.query)
            case.path_parameters = realistic(case.path_parameters)
        call(case, key)

    run()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("role", ROLES)
def test_nothing_that_is_sent_breaks_an_operation_or_gets_an_answer_it_does_not_name(
    unlimited: Services, role: str
) -> None:
    """schemathesis, over the whole document."""
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", create_app(unlimited))
    count, wrong = 0, []
    for found in schema.get_all_operations():
        operation = found.ok()
        key = unlimited.store.api_keys.create("acme", role, unlimited.clock.now())
        may = role in operation.definition.raw["x-roles"]
        most = EXAMPLES or (8 if role == "admin" else 4 if may else 1)
        for mode in GenerationMode:
            try:
                fuzz(operation, mode, key, most)
            except AssertionError as failure:
                wrong.append(str(failure))
        count += 1
    assert wrong == []
    assert count == len(PERMISSIONS)


def examples_in(operation: Document, where: str) -> dict[str, Any]:
    """Examples of the parameters that an operation needs there."""
    return {
        parameter["name"]: parameter.get("example", "x")
        for parameter in operation.get("parameters", ())
        if parameter["in"] == where and parameter.get("required")
    }


def example_request(path: str, method: str, operation: Document) -> dict[str, Any]:
    """What the documentation shows, as arguments of the test client."""
    given, query = examples_in(operation, "path"), examples_in(operation, "query")
    request: dict[str, Any] = {"path": path.format(**given), "method": method.upper(), "query_string": query}
    kind, shown = next(iter(operation.get("requestBody", {"content": {"": {}}})["content"].items()))
    if kind == "application/json":
        request["json"] = shown["example"]
    elif kind:
        request |= {"data": b"", "content_type": kind}
    elif method in {"post", "put", "patch"}:
        request["json"] = {}
    return request


def test_every_route_is_open_to_its_roles_and_to_no_other_as_documented(
    unlimited: Services, document: Document
) -> None:
    client = create_app(unlimited).test_client()
    keys = {role: unlimited.store.api_keys.create("acme", role, unlimited.clock.now()) for role in ROLES}
    wrong = []
    for path, method, operation in operations(document):
        for role in ROLES:
            request = example_request(path, method, operation)
            answer = client.open(**request, headers={"Authorization": f"Bearer {keys[role]}"})
            refused = answer.status_code == 403
            if refused != (role not in operation["x-roles"]) or answer.status_code >= 500:
                wrong.append((method, path, role, answer.status_code))
            if refused:
                assert answer.get_json()["code"] == "not_permitted"
    assert wrong == []


def test_the_examples_of_bodies_are_what_the_route_takes(unlimited: Services, document: Document) -> None:
    """Nobody should copy an example and be told that a field is wrong."""
    client = create_app(unlimited).test_client()
    key = unlimited.store.api_keys.create("acme", "admin", unlimited.clock.now())
    wrong = []
    for path, method, operation in operations(document):
        request = example_request(path, method, operation)
        if "json" in request and "requestBody" in operation:
            answer = client.open(**request, headers={"Authorization": f"Bearer {key}"})
            if answer.status_code == 422 and answer.get_json()["code"] == "invalid_request":
                wrong.append((method, path, answer.get_json()["detail"], request["json"]))
    assert wrong == []


def test_g8_a_stranger_gets_404_for_everything_that_has_an_id_in_another_account(
    unlimited: Services, document: Document
) -> None:
    """Whatever a list of acme names, globex asks for it by that name: every operation below the list."""
    client = create_app(unlimited).test_client()
    owner, stranger = (
        {"Authorization": f"Bearer {unlimited.store.api_keys.create(account, 'admin', unlimited.clock.now())}"}
        for account in ("acme", "globex")
    )
    for path, method, operation in operations(document):  # something of everything that can be made
        if method == "post" and "{" not in path:
            client.open(**example_request(path, method, operation), headers=owner)
    text(client, "stop by at five maybe, or please no more texts??")
    asked = []
    for path, method, operation in operations(document):
        parent, _, rest = path.partition("/{id}")
        if parent == path or "get" not in document["paths"].get(parent, {}):
            continue
        listed = client.get(parent, headers=owner).get_json()
        for item in [*listed["items"][:2], *listed.get("own", [])[:1]]:
            name = item.get("id") or item.get("word")
            request = example_request(path, method, operation)
            request["path"] = f"{parent}/{name}{rest.format(**examples_in(operation, 'path'))}"
            answer = client.open(**request, headers=stranger)
            asked.append((method, path))
            own_or_built_in = parent.endswith("/keywords") and method == "put"
            assert answer.status_code == 404 or own_or_built_in, (request, answer.status_code)
    assert {path for _, path in asked} >= {"/api/v1/api-keys/{id}", "/api/v1/keywords/{id}", "/api/v1/messages/{id}"}


def test_the_docs_page_shows_every_operation_field_and_code_and_loads_nothing_from_elsewhere(
    services: Services, document: Document
) -> None:
    answer = create_app(services).test_client().get("/api/docs")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    for path, method, operation in operations(document):
        assert f'id="{operation["operationId"]}"' in page
        assert f"curl -X {method.upper()}" in page
        assert path in page
    for name in SendBody.model_fields.values():
        assert f"<code>{name.alias or ''}" in page
    assert [code for code in PROBLEMS if f'id="{code}"' not in page] == []
    assert "<script" not in page
    assert " style=" not in page
    assert re.findall(r'(?:src|href)="(?!/|#|data:)[^"]*"', page) == []
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_there_is_advice_for_every_problem() -> None:
    assert [code for code in PROBLEMS if not ADVICE.get(code)] == []
    assert [code for code in ADVICE if code not in PROBLEMS] == []
