"""Lists of opt-outs through the API: filters, sorts, notes, counts, exports, adding and scrubbing."""

import csv
import io
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from python_calamine import CalamineWorkbook

from gateway.cli import main
from gateway.lists.writing import cell_as_it_was
from gateway.opt_out_filters import OptOutFilter, in_words, read_number
from gateway.opt_out_lists import IndexFollower
from gateway.phone import InvalidNumber
from gateway.services import Services
from store.consent import Source
from store.scopes import Channel
from tests.conftest import FakeClock
from tests.webhooks import PERSON, text

Api = Callable[..., Any]
OTHERS = [f"+1202555{index:04d}" for index in range(20)]


def listed(api: Api, account: str = "acme", **query: Any) -> list[dict[str, Any]]:
    """All items of a list, from page to page."""
    items: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        asked = {**query, **({"cursor": cursor} if cursor else {})}
        status, page = api("GET", f"/opt-outs?{urlencode(asked)}", role="read", account=account)
        assert status == 200, page
        items += page["items"]
        cursor = page["next"]
    return items


def numbers(items: list[dict[str, Any]]) -> list[str]:
    return [item["number"] for item in items]


@pytest.fixture
def people(api: Api, client: FlaskClient, clock: FakeClock, services: Services) -> None:
    """Opt-outs of every kind: a person's, an agent's, a program's for a sender and for an audience."""
    api("POST", "/opt-outs", {"numbers": OTHERS[:5], "note": "called us"})
    clock.pass_time(timedelta(days=1))
    api("POST", "/opt-outs", {"numbers": OTHERS[5:8], "sender": "55555", "channels": ["text"]})
    api("POST", "/opt-outs", {"numbers": [OTHERS[8]], "audience": "newsletter", "occurred_at": "2025-12-24T12:00:00Z"})
    account = services.store.directory.current().accounts["acme"]
    services.consent.opt_out(account, OTHERS[9], source=Source.AGENT, actor="ann", channels=(Channel.VOICE,))
    text(client, "Stop texting me please", From=PERSON)
    text(client, "STOP", From="+12025559999", To="72975")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [PERSON, *OTHERS[:10]]),
        ({"number": "(202) 555-0003"}, [OTHERS[3]]),
        ({"number": "+1 202 555"}, OTHERS[:10]),
        ({"number": "415"}, [PERSON]),
        ({"number": "20255500*"}, OTHERS[:10]),
        ({"sender": "55555"}, OTHERS[5:8]),
        ({"audience": "newsletter"}, [OTHERS[8]]),
        ({"scope": "account"}, [PERSON, *OTHERS[:5], OTHERS[9]]),
        ({"scope": "account+sender"}, OTHERS[5:8]),
        ({"channel": "voice"}, [PERSON, *OTHERS[:5], OTHERS[8], OTHERS[9]]),
        ({"source": "api"}, OTHERS[:9]),
        ({"source": "keyword"}, [PERSON]),
        ({"type": "person"}, [PERSON]),
        ({"type": "staff"}, [OTHERS[9]]),
        ({"type": "program", "channel": "voice"}, [*OTHERS[:5], OTHERS[8]]),
        ({"type": "carrier"}, []),
        ({"since": "2025-12-24", "until": "2025-12-24"}, [OTHERS[8]]),
        ({"until": "2025-12-24T12:00:00Z"}, []),
        ({"added_until": "2026-01-01"}, []),
        ({"added_since": "2020-01-01T00:00:00Z", "sender": "55555"}, OTHERS[5:8]),
    ],
)
@pytest.mark.parametrize("sort", ["-date", "date", "number", "-number"])
def test_every_filter_takes_what_it_says_in_every_order(
    api: Api, people: None, query: dict[str, str], expected: list[str], sort: str
) -> None:
    found = numbers(listed(api, **query, sort=sort, limit=4))
    if sort in {"number", "-number"}:
        assert found == sorted(expected, key=int, reverse=sort == "-number")
    else:
        assert sorted(found) == sorted(expected)
        assert found == numbers(listed(api, **query, sort={"date": "-date", "-date": "date"}[sort]))[::-1]


def test_an_item_says_who_opted_it_out_when_and_with_which_words(api: Api, people: None, clock: FakeClock) -> None:
    items = {item["number"]: item for item in listed(api)}
    told = items[PERSON]
    assert (told["source"], told["type"], told["text"]) == ("keyword", "person", "Stop texting me please")
    assert told["note"].startswith("Stop texting me please texted to +1 202-555-0100 at 2")
    assert told["rule"]
    assert told["channels"] == ["text", "voice"]
    assert items[OTHERS[0]]["note"] == "called us"
    assert items[OTHERS[0]]["actor"].startswith("api key ")
    assert items[OTHERS[6]]["note"].startswith("Added by api key ")
    assert items[OTHERS[6]]["note"].endswith("UTC")
    assert "through the API" in items[OTHERS[6]]["note"]
    assert (items[OTHERS[6]]["scope"], items[OTHERS[6]]["sender"]) == ("account+sender", "55555")
    assert (items[OTHERS[8]]["audience"], items[OTHERS[8]]["since"]) == ("newsletter", "2025-12-24T12:00:00Z")


def test_a_row_of_an_import_names_its_file(
    api: Api, environment: dict[str, str], services: Services, tmp_path: Path
) -> None:
    (tmp_path / "old.csv").write_text("phone\n+14155550177\n")
    CliRunner(env=environment).invoke(main, ["import", str(tmp_path / "old.csv"), "--account", "acme"])
    (item,) = listed(api)
    assert item["note"].startswith("Row 2 of old.csv, import ")
    assert (item["type"], item["channels"]) == ("import", ["text", "voice"])


def test_g8_a_stranger_sees_nothing_and_a_shared_senders_people_only_by_name_and_without_words(
    api: Api, people: None
) -> None:
    assert listed(api, account="globex") == []
    assert listed(api, account="globex", number=PERSON) == []
    assert "+12025559999" not in numbers(listed(api))
    for account in ("acme", "globex"):
        (shared,) = listed(api, account=account, number="+12025559999")
        assert (shared["scope"], shared["sender"], shared["source"]) == ("sender", "72975", "keyword")
        assert (shared["text"], shared["matched"]) == (None, None)
        assert "STOP" not in shared["note"]


def test_counts_are_exact_and_say_the_filter(api: Api, people: None) -> None:
    def count(query: str) -> Any:
        return api("GET", f"/opt-outs/count{query}", role="read")[1]

    assert count("") == {"text": 10, "voice": 8, "exact": True, "filter": "All opt-outs"}
    assert count("?sender=55555")["text"] == 3
    assert count("?channel=voice")["text"] is None
    assert count("?type=program") == {"text": 9, "voice": 6, "exact": True, "filter": "Opt-outs by programs"}
    assert api("GET", "/opt-outs/count", account="globex")[1]["text"] == 0


def test_the_filter_is_said_as_a_person_would() -> None:
    march = datetime(2026, 3, 1, tzinfo=UTC)
    assert in_words(OptOutFilter(source=Source.KEYWORD, since=march, prefix="+1202")) == (
        "Opt-outs by text since 1 March 2026, of numbers that begin with +1202"
    )
    assert in_words(OptOutFilter(channel=Channel.VOICE, who="import", sender="55555")) == (
        "Opt-outs from calls by imports, for texts from 55555"
    )


@pytest.mark.parametrize(
    ("typed", "country", "expected"),
    [
        ("+1 (202) 555-0100", None, ("+12025550100", "")),
        (" 12025550100", None, ("+12025550100", "")),
        ("202-555-0100", "US", ("+12025550100", "")),
        ("+1202", None, ("", "+1202")),
        ("1202", "US", ("", "+1202")),
        ("0170", "DE", ("", "+49170")),
        ("0044 20", None, ("", "+4420")),
        ("+1 202 555 0100*", None, ("", "+12025550100")),
        ("=72975", "US", ("72975", "")),
    ],
)
def test_a_number_is_found_whole_or_by_how_it_begins(
    typed: str, country: str | None, expected: tuple[str, str]
) -> None:
    assert read_number(typed, country) == expected


@pytest.mark.parametrize("typed", ["", "*", "ann", "+", "１２a"])
def test_what_has_no_digits_is_no_number_to_look_for(typed: str) -> None:
    with pytest.raises(InvalidNumber):
        read_number(typed, "US")


def test_wrong_filters_are_refused_with_their_field(api: Api) -> None:
    for query, code in (
        ("number=ann", "invalid_number"),
        ("scope=planet", "invalid_request"),
        ("since=yesterday", "invalid_request"),
        ("sort=age", "invalid_request"),
        ("limit=500", "invalid_request"),
        ("cursor=nonsense", "bad_cursor"),
    ):
        status, answer = api("GET", f"/opt-outs?{query}")
        assert (status, answer["code"]) == (422, code), query


def test_a_list_that_is_still_being_indexed_says_to_ask_again(
    api: Api, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = services.store.directory.current().accounts["acme"]
    people = [f"+1202555{index:02d}00" for index in range(12)]
    for number in people:
        services.consent.opt_out(account, number, source=Source.ADMIN, actor="ann")
    ticks = itertools.count()
    monkeypatch.setattr(services.store.listing, "_monotonic", lambda: float(next(ticks)))
    status, answer = api("GET", "/opt-outs?sort=number")
    assert (status, answer["code"], answer["retry_after"]) == (503, "list_not_ready", 5)
    assert api("GET", "/opt-outs/count")[0] == 503
    # Lists by date and of one number need no index; and in the background it is made.
    assert sorted(numbers(listed(api))) == people
    assert numbers(listed(api, number=people[3])) == people[3:4]
    IndexFollower(services.store).follow("acme", services.consent.explain(account, people[0]).journal)
    assert numbers(listed(api, sort="number")) == people


def export(client: FlaskClient, services: Services, query: str, account: str = "acme") -> Any:
    key = services.store.api_keys.create(account, "read", services.clock.now())
    return client.get(f"/api/v1/opt-outs/export?{query}", headers={"Authorization": f"Bearer {key}"})


def test_an_export_has_exactly_what_the_filter_takes_in_every_format(
    api: Api, client: FlaskClient, services: Services, people: None, tmp_path: Path
) -> None:
    expected = numbers(listed(api, type="program", sort="number"))
    for name in ("csv", "tab", "xlsx", "ndjson"):
        response = export(client, services, f"type=program&sort=number&format={name}")
        assert response.status_code == 200
        day = f"{services.clock.now():%Y-%m-%d}"
        assert f'filename="opt-outs-acme-{day}.' in response.headers["Content-Disposition"]
        if name == "ndjson":
            found = [json.loads(line)["number"] for line in response.data.splitlines()]
        elif name == "xlsx":
            (tmp_path / "list.xlsx").write_bytes(response.data)
            sheet = CalamineWorkbook.from_path(str(tmp_path / "list.xlsx")).get_sheet_by_index(0)
            found = [str(row[0]) for row in sheet.to_python()[1:]]
        else:
            rows = list(csv.DictReader(io.StringIO(response.text), delimiter="," if name == "csv" else "\t"))
            found = [cell_as_it_was(row["number"]) for row in rows]
            assert {row["channel"] for row in rows} == {"both", "text"}
        assert found == expected, name
    assert (
        export(client, services, "plain=true&bom=true&number=%2B12025550000")
        .data.splitlines()[1]
        .startswith(OTHERS[0].encode())
    )
    assert len(export(client, services, "format=csv", account="globex").data.splitlines()) == 1


def test_the_export_command_has_the_same_filters_and_formats(
    environment: dict[str, str], services: Services, people: None, tmp_path: Path
) -> None:
    runner = CliRunner(env=environment)
    target = tmp_path / "list.ndjson"
    arguments = [
        "export",
        str(target),
        "--account",
        "acme",
        "--sort",
        "number",
        "--number",
        "202555",
        "--type",
        "program",
    ]
    result = runner.invoke(main, [*arguments, "--since", "2020-01-01"])
    assert result.exit_code == 0, result.output
    assert [json.loads(line)["number"] for line in target.read_text().splitlines()] == OTHERS[:9]
    assert "Opt-outs by programs since 1 January 2020, of numbers that begin with +1202555: 9 rows" in result.stderr
    assert runner.invoke(main, ["export", "-", "--account", "acme", "--number", "ann"]).exit_code == 2


@pytest.mark.parametrize(
    "given",
    [
        "+14155550101, (415) 555-0102\n415 555 0101;n/a",
        ["+14155550101", "(415) 555-0102", "415 555 0101", "n/a"],
    ],
)
def test_many_numbers_are_added_each_with_its_outcome(api: Api, given: Any) -> None:
    api("PUT", "/opt-outs/+14155550102", {})
    status, answer = api("POST", "/opt-outs", {"numbers": given})
    assert status == 200
    assert [(one["number"], one["outcome"]) for one in answer["results"]] == [
        ("+14155550101", "opted_out"),
        ("+14155550102", "already"),
        ("+14155550101", "duplicate"),
        (None, "invalid_number"),
    ]
    assert answer["opted_out"] == 1
    assert answer["results"][3]["problem"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"numbers": " , "}, "no_numbers"),
        ({"numbers": ",".join(str(index) for index in range(1001))}, "too_many_numbers"),
        ({"numbers": PERSON, "sender": "+19995550100"}, "unknown_sender"),
        ({"numbers": PERSON, "sender": "55555", "audience": "news"}, "one_scope_only"),
        ({"numbers": PERSON, "occurred_at": "2090-01-01T00:00:00Z"}, "in_the_future"),
        ({"numbers": []}, "invalid_request"),
        ({"numbers": 5}, "invalid_request"),
    ],
)
def test_what_cannot_be_added_is_refused_and_nothing_is_written(api: Api, body: dict[str, Any], code: str) -> None:
    status, answer = api("POST", "/opt-outs", body)
    assert (status, answer["code"]) == (422, code)
    assert listed(api) == []
