"""Scrubbing a list through the API: the same bytes with two more columns, and what breaks on the way."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.scrubbing import ScrubOrder, scrubbed_pieces
from gateway.services import Services
from store.errors import StoreUnreachable

Api = Callable[..., Any]


def scrub(client: FlaskClient, services: Services, body: bytes, query: str = "", kind: str = "text/csv") -> Any:
    key = services.store.api_keys.create("acme", "send", services.clock.now())
    headers = {"Authorization": f"Bearer {key}"}
    return client.post(f"/api/v1/opt-outs/scrub?{query}", data=body, content_type=kind, headers=headers)


def test_a_list_comes_back_with_two_more_columns_and_its_bytes_kept(
    api: Api, client: FlaskClient, services: Services
) -> None:
    api("PUT", "/opt-outs/+14155550102", {})
    rows = ["Zoé;415 555 0101", "Al;+14155550102", "Bo;"]
    for encoding in ("utf-8", "latin-1", "utf-16"):
        response = scrub(client, services, "\r\n".join(["name;phone", *rows, ""]).encode(encoding))
        assert response.status_code == 200
        assert response.data.decode(encoding).splitlines() == [
            "name;phone;allowed;reason",
            "Zoé;415 555 0101;yes;",
            "Al;+14155550102;no;opted_out (account)",
            "Bo;;no;invalid (empty)",
        ]


def test_a_scrub_asks_for_the_sender_audience_and_channel_named(
    api: Api, client: FlaskClient, services: Services
) -> None:
    api("PUT", "/opt-outs/+14155550102", {"sender": "55555", "channels": ["text"]})
    api("PUT", "/opt-outs/+14155550103", {"sender": "55555", "channels": ["voice"]})
    body = b"phone\n+14155550102\n+14155550103\n"

    def allowed(query: str) -> list[str]:
        return [line.split(",")[1] for line in scrub(client, services, body, query).text.splitlines()[1:]]

    assert allowed("") == ["yes", "yes"]
    assert allowed("from=55555") == ["no", "yes"]
    assert allowed("channel=voice") == ["yes", "no"]  # a call comes from no sender


@pytest.mark.parametrize(
    ("body", "query", "kind", "status", "code"),
    [
        (b"", "", "text/csv", 422, "unreadable_list"),
        (b"name\nann\n", "", "text/csv", 422, "unreadable_list"),
        (b"phone\n+14155550102\n", "phone=mobile", "text/csv", 422, "unreadable_list"),
        (b"PK\x03\x04", "", "text/csv", 422, "unreadable_list"),
        (
            b"PK\x03\x04",
            "",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            422,
            "unreadable_list",
        ),
        (b"phone\n1\n", "from=%2B19995550100", "text/csv", 422, "unknown_sender"),
        (b"{}", "", "application/json", 415, "unsupported_type"),
        (b"phone\n1\n", "surprise=1", "text/csv", 422, "invalid_request"),
    ],
)
def test_a_list_that_cannot_be_scrubbed_is_refused_before_the_first_byte(
    client: FlaskClient, services: Services, body: bytes, query: str, kind: str, status: int, code: str
) -> None:
    response = scrub(client, services, body, query, kind)
    assert (response.status_code, response.get_json()["code"]) == (status, code)


def test_a_scrub_that_breaks_on_the_way_says_so_in_its_last_line(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b"phone\n" + b"".join(b"+1415%07d\n" % (2_000_000 + index) for index in range(120_000))
    whole = scrub(client, services, body)
    assert len(whole.data.splitlines()) == 120_001
    asked = services.store.bulk.check_blocks

    def breaking(*arguments: Any) -> Any:
        answers = asked(*arguments)
        yield next(answers)
        raise StoreUnreachable("gone")

    monkeypatch.setattr(type(services.store.bulk), "check_blocks", lambda _, *arguments: breaking(*arguments))
    response = scrub(client, services, body)
    pieces = []
    with pytest.raises(StoreUnreachable):
        pieces += list(_collected(response.response, pieces))
    assert pieces[0].startswith(b"phone,allowed,reason")
    assert pieces[-1].startswith(b"#error,This list is not complete.")


def _collected(pieces: Any, into: list[bytes]) -> list[bytes]:
    for piece in pieces:
        into.append(piece)
    return []


def test_a_scrubbed_list_is_made_in_pieces(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(b"phone\n" + b"".join(b"+1415%07d\n" % (2_000_000 + index) for index in range(120_000)))
    account = services.store.directory.current().accounts["acme"]
    sizes = [piece.count(b"\n") for piece in scrubbed_pieces(services.store, ScrubOrder(account), path)]
    assert max(sizes) <= 50_001
    assert sum(sizes) == 120_001
