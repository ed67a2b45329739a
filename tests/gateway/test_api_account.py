"""The API's routes about an account: its keys, settings, own words and journal. Owner, colleague, stranger."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.services import Services
from store.api_keys import id_of
from store.consent import Change, Source
from store.journal_listing import JournalFilter, JournalListing
from store.scopes import Scope
from tests.conftest import FakeClock
from tests.webhooks import PERSON, text

Api = Callable[..., Any]


# Keys


def test_a_key_is_made_used_seen_and_revoked(api: Api, client: FlaskClient, clock: FakeClock) -> None:
    status, made = api("POST", "/api-keys", {"role": "read", "name": "dashboard"})
    assert (status, made["role"], made["last_used_at"]) == (201, "read", None)
    headers = {"Authorization": f"Bearer {made['key']}"}
    assert client.get("/api/v1/reviews", headers=headers).status_code == 200
    _, listed = api("GET", "/api-keys")
    (row,) = [item for item in listed["items"] if item["id"] == made["id"]]
    assert (row["name"], row["last_used_at"][:16]) == ("dashboard", clock.now().isoformat()[:16])
    assert made["key"].split("_")[2] not in str(listed)
    assert api("DELETE", f"/api-keys/{made['id']}")[0] == 200
    assert client.get("/api/v1/reviews", headers=headers).status_code == 401
    assert api("DELETE", f"/api-keys/{made['id']}")[1]["code"] == "not_found"


def test_g8_a_stranger_neither_sees_nor_revokes_the_keys_of_another_account(api: Api) -> None:
    made = api("POST", "/api-keys", {"role": "send"})[1]
    assert made["id"] not in str(api("GET", "/api-keys", account="globex"))
    assert api("DELETE", f"/api-keys/{made['id']}", account="globex")[0] == 404
    assert made["id"] in str(api("GET", "/api-keys"))


def test_a_use_that_is_noted_late_does_not_bring_a_revoked_key_back(services: Services) -> None:
    keys = services.store.api_keys
    made = keys.create("acme", "read", services.clock.now())
    identifier = id_of(made)
    keys.revoke(identifier)
    services.store.client.hset("{config}:api_keys_used", identifier, 1)  # by a request that found the key before
    assert keys.find(made, services.clock.now()) is None
    assert identifier not in [key.id for key in keys.all("acme")]


# Settings


def test_settings_are_shown_changed_and_put_back(api: Api) -> None:
    def value(name: str) -> Any:
        (row,) = [row for row in api("GET", "/settings", role="read")[1]["items"] if row["name"] == name]
        assert row["help"]
        return row["value"], row["is_default"]

    assert value("stop_scope") == ("account", True)
    status, answer = api(
        "PATCH", "/settings", {"stop_scope": "sender", "help_message": {"en": "Acme: call us.", "es": "Acme: llame."}}
    )
    assert status == 200
    assert [row["value"] for row in answer["items"] if row["name"] == "stop_scope"] == ["sender"]
    api("PATCH", "/settings", {"help_message": {"en": None}})
    assert value("help_message") == ({"es": "Acme: llame."}, False)
    api("PATCH", "/settings", {"stop_scope": None, "help_message": None})
    assert value("stop_scope") == ("account", True)
    assert value("help_message") == ({}, True)


def test_everything_that_is_wrong_with_settings_is_said_at_once_and_nothing_is_changed(api: Api) -> None:
    wrong = {
        "stop_scope": "nobody",
        "confirm_window": 1e-9,
        "surprise": None,
        "brand": "Acme",
        "help_message": {"xx": "?"},
    }
    status, answer = api("PATCH", "/settings", wrong)
    assert (status, answer["code"]) == (422, "invalid_request")
    assert {error["field"] for error in answer["errors"]} == {
        "stop_scope",
        "confirm_window",
        "surprise",
        "help_message",
    }
    assert all(row["is_default"] for row in api("GET", "/settings")[1]["items"])


def test_a_change_of_settings_acts_at_once_and_the_linter_speaks(api: Api, client: FlaskClient) -> None:
    _, answer = api("PATCH", "/settings", {"automated_opt_outs": False, "opt_out_message": {"en": "Bye."}})
    codes = [finding["code"] for finding in answer["findings"]]
    assert codes[0] == "nobody_acts"
    assert len(codes) > 1
    text(client, "STOP")
    assert api("GET", f"/opt-outs/{PERSON}")[1]["held"] is True


def test_settings_of_an_account_are_its_own_and_no_colleagues_without_the_role(api: Api) -> None:
    api("PATCH", "/settings", {"brand": "Acme Books"})
    assert "Acme Books" not in str(api("GET", "/settings", account="globex"))
    assert api("PATCH", "/settings", {"brand": "x"}, role="manage")[0] == 403


# Own words

JOIN = {"word": "BOOKS", "action": "join", "audience": "books", "reply": "Acme: welcome. HELP for help, STOP to stop."}


def test_a_word_is_added_understood_changed_and_taken_away(api: Api, client: FlaskClient) -> None:
    status, answer = api("POST", "/keywords", JOIN)
    assert (status, answer["keyword"]["word"]) == (201, "BOOKS")
    assert [word["word"] for word in api("GET", "/keywords")[1]["own"]] == ["HOURS", "BOOKS"]
    text(client, "books")
    _, journal = api("GET", "/journal?kind=join")
    assert [(item["number"], item["audience"]) for item in journal["items"]] == [(PERSON, "books")]
    _, answer = api("PATCH", "/keywords/books", {"word": "READ"})
    assert answer["keyword"] == {
        "word": "READ",
        "action": "join",
        "match": "whole",
        "audience": "books",
        "reply": JOIN["reply"],
    }
    assert api("DELETE", "/keywords/read")[0] == 200
    assert [word["word"] for word in api("GET", "/keywords")[1]["own"]] == ["HOURS"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/keywords", {"word": "stop", "action": "reply", "reply": "Open."}, 422, "invalid_request"),
        ("POST", "/keywords", {"word": "x", "action": "join"}, 422, "invalid_request"),
        ("POST", "/keywords", {"word": "hours", "action": "help"}, 409, "keyword_exists"),
        ("PATCH", "/keywords/hours", {"action": "join"}, 422, "invalid_request"),
        ("PATCH", "/keywords/hours", {"word": "STOP"}, 422, "invalid_request"),
        ("PATCH", "/keywords/nothing", {"reply": "x"}, 404, "unknown_keyword"),
        ("DELETE", "/keywords/a/b", None, 404, "not_found"),
        ("POST", "/keywords", {"word": "a/b", "action": "help"}, 422, "invalid_request"),
    ],
)
def test_words_are_checked_as_apply_checks_them(
    api: Api, method: str, path: str, body: Any, status: int, code: str
) -> None:
    """US-2: nobody gives STOP another meaning."""
    found = api(method, path, body)
    assert (found[0], found[1]["code"]) == (status, code)
    assert [word["word"] for word in api("GET", "/keywords")[1]["own"]] == ["HOURS"]


def test_an_audience_whose_word_goes_is_still_known(api: Api, services: Services) -> None:
    api("POST", "/keywords", JOIN)
    api("PUT", f"/opt-outs/{PERSON}", {"audience": "books", "channels": ["text"]})
    api("DELETE", "/keywords/BOOKS")
    assert [item["audience"] for item in api("GET", f"/opt-outs/{PERSON}")[1]["opt_outs"]] == ["books"]


def test_who_changed_what_of_an_account_is_written_down(api: Api, services: Services) -> None:
    api("PATCH", "/settings", {"stop_scope": "sender", "help_message": {"en": "Acme: call us."}})
    api("PATCH", "/settings", {"stop_scope": "sender"})
    api("POST", "/keywords", JOIN)
    made = api("POST", "/api-keys", {"role": "send", "name": "shop"})[1]
    api("DELETE", f"/api-keys/{made['id']}")
    mine = {f"api key {row['id']}" for row in api("GET", "/api-keys")[1]["items"]}
    changes = [change for change in services.store.configuration_journal.newest("acme") if change.actor in mine]
    assert sorted((change.area, change.name, change.before, change.after[:11]) for change in changes) == [
        ("keys", made["id"], "", "send (shop)"),
        ("keys", made["id"], "send (shop)", ""),
        ("keywords", "BOOKS", "", "join, books"),
        ("replies", "help_message/en", "", "Acme: call "),
        ("settings", "stop_scope", "account", "sender"),
    ]


# Journal


def number(index: int) -> str:
    return f"+1415555{index:04d}"


def opt_out(services: Services, address: str) -> None:
    scope = Scope.of_account("acme").entered_side
    services.store.consent.apply(
        address,
        [Change("opt_out", scope, "acme", Source.ADMIN)],
        occurred_at=services.clock.now(),
        detail={"note": "x"},
    )


def pages(api: Api, query: str, cursor: str | None = "") -> list[Any]:
    found: list[Any] = []
    while cursor is not None:
        _, answer = api("GET", f"/journal?{query}" + (f"&cursor={cursor}" if cursor else ""))
        found, cursor = found + answer["items"], answer["next"]
    return found


def test_the_journal_pages_newest_first_whole_and_without_repeats_while_it_grows(api: Api, services: Services) -> None:
    for index in range(60):
        opt_out(services, number(index))
    first = api("GET", "/journal?limit=25")[1]
    for index in range(100, 110):
        opt_out(services, number(index))
    rest = pages(api, "limit=25", first["next"])
    found = [item["number"] for item in [*first["items"], *rest]]
    assert sorted(found) == [number(index) for index in range(60)]
    recorded = [(item["recorded_at"], item["id"]) for item in first["items"]]
    assert [when for when, _ in recorded] == sorted((when for when, _ in recorded), reverse=True)
    assert len({item["id"] for item in [*first["items"], *rest]}) == 60


def test_the_journal_is_filtered(api: Api, client: FlaskClient, clock: FakeClock) -> None:
    text(client, "STOP")
    text(client, "START", MessageSid="SM" + "2" * 32)
    api("PUT", "/opt-outs/+14155550199", {"note": "on the phone"})
    for query, expected in (
        ("", 3),
        ("number=%2B14155550100", 2),
        ("number=(415)+555-0199", 1),
        ("kind=lift", 1),
        ("source=keyword", 2),
        ("source=api&kind=lift", 0),
        ("since=2020-01-01T00:00:00Z", 3),
        ("until=2020-01-01T00:00:00Z", 0),
        ("since=2999-01-01T00:00:00Z", 0),
    ):
        assert len(pages(api, query)) == expected, query
    entry = pages(api, "kind=opt_out&source=keyword")[0]
    assert (entry["detail"]["text"], entry["channels"]) == ("STOP", ["text", "voice"])


def test_rows_of_an_import_stand_in_the_journal_one_by_one(api: Api, services: Services, tmp_path: Any) -> None:
    file = tmp_path / "list.csv"
    file.write_text("phone\n" + "\n".join(number(index) for index in range(130)) + "\n")
    order = services.imports.order(services.store.directory.current().accounts["acme"], file, actor="test")
    record = services.imports.create(services.store.directory.current().accounts["acme"], services.new_id(), order)
    list(services.imports.run(record.id, file))
    found = pages(api, "limit=50&source=import")
    assert sorted(item["number"] for item in found) == [number(index) for index in range(130)]
    assert len({item["id"] for item in found}) == 130


def test_a_page_of_a_rare_thing_says_where_to_go_on_instead_of_reading_for_ever(services: Services) -> None:
    for index in range(35):
        opt_out(services, number(index))
    listing = JournalListing(services.store.topology, most_looked_at=10)
    wanted = JournalFilter(kinds=("lift",))
    asked, after = 0, ""
    while True:
        page = listing.newest("acme", wanted, limit=5, after=after)
        assert page.items == []
        asked, after = asked + 1, page.next
        if not after:
            break
    assert asked == 4


def test_g8_a_stranger_sees_nothing_of_the_journal(api: Api, services: Services, client: FlaskClient) -> None:
    opt_out(services, PERSON)
    text(client, "STOP", To="72975")  # a shared sender: its journal is nobody's
    assert pages(api, "")
    assert api("GET", "/journal", account="globex")[1]["items"] == []
    cursor = api("GET", "/journal?limit=1")[1]["next"]
    assert cursor is None


def test_cursors_that_are_none_are_refused(api: Api, services: Services, clock: FakeClock) -> None:
    for index in range(3):
        opt_out(services, number(index))
        clock.pass_time(timedelta(seconds=1))
    cursor = api("GET", "/journal?limit=1")[1]["next"]
    assert cursor
    for query in ("cursor=junk", f"cursor={cursor}x", f"kind=lift&cursor={cursor}"):
        status, answer = api("GET", f"/journal?{query}")
        assert (status, answer["code"]) == (422, "bad_cursor"), query
