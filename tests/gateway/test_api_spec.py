"""The API against its own description: every operation, every role, data that fits and data that does not.

Generic on purpose: a route is covered by being in the OpenAPI document. `STOPGATE_SPEC_EXAMPLES=500` looks longer
(`make api-long`).
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
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
from gateway.api.describing import Document, operations
from gateway.api.examples import BY_NAME
from gateway.app import create_app
from gateway.services import Services, build
from gateway.settings import load_settings
from tests.conftest import DIRECTORY, FakeClock

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
    count = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        key = unlimited.store.api_keys.create("acme", role, unlimited.clock.now())
        may = role in operation.definition.raw["x-roles"]
        most = EXAMPLES or (12 if role == "admin" else 5 if may else 1)
        for mode in GenerationMode:
            fuzz(operation, mode, key, most)
        count += 1
    assert count == len(PERMISSIONS)
