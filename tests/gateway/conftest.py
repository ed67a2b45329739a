"""What tests of imports share: uploads, workers in this process, reports; and the people of tests of erasures."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.import_jobs import IMPORT, UNDO
from gateway.queueing import parts_of
from gateway.services import Services
from tests.gateway.erased_people import acme, storied  # noqa: F401 (fixtures)

Upload = Callable[..., Any]


@pytest.fixture
def work(services: Services) -> Callable[[], None]:
    """Do what waits for the workers of lists, in this process."""

    def run() -> None:
        services.queue.flush()
        due = services.store.outbox.claim_due(
            services.clock.now() + timedelta(minutes=1), lease=timedelta(seconds=30), limit=1000
        )
        for effect in sorted(due):
            kind, identifier = parts_of(effect)
            if kind in {IMPORT, UNDO}:
                services.doers[kind](identifier)

    return run


@pytest.fixture
def keys(services: Services) -> Callable[[str, str], dict[str, str]]:
    made: dict[tuple[str, str], str] = {}

    def headers(account: str, role: str) -> dict[str, str]:
        if (account, role) not in made:
            made[account, role] = services.store.api_keys.create(account, role, services.clock.now())
        return {"Authorization": f"Bearer {made[account, role]}"}

    return headers


@pytest.fixture
def upload(client: FlaskClient, keys: Callable[[str, str], dict[str, str]]) -> Upload:
    """Upload a list: `upload("phone\\n...", dry_run=True)` -> (status, JSON)."""

    def send(content: str | bytes, *, path: str = "/imports", name: str = "list.csv", role: str = "manage",
             account: str = "acme", headers: dict[str, str] | None = None, **form: Any) -> tuple[int, Any]:  # fmt: skip
        raw = content.encode() if isinstance(content, str) else content
        fields = {key: value if isinstance(value, str | list) else json.dumps(value) for key, value in form.items()}
        response = client.post(
            f"/api/v1{path}",
            data={"file": (io.BytesIO(raw), name), **fields},
            headers={**keys(account, role), **(headers or {})},
            content_type="multipart/form-data",
        )
        return response.status_code, response.get_json(force=True, silent=True)

    return send


@pytest.fixture
def errors(client: FlaskClient, keys: Callable[[str, str], dict[str, str]]) -> Callable[[str], list[dict[str, str]]]:
    def rows(import_id: str) -> list[dict[str, str]]:
        response = client.get(f"/api/v1/imports/{import_id}/errors.csv", headers=keys("acme", "read"))
        assert response.status_code == 200
        assert response.content_type == "text/csv; charset=utf-8"
        return list(csv.DictReader(io.StringIO(response.get_data(as_text=True), newline="")))

    return rows
