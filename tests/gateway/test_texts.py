"""All texts of an account: the list of messages, the incoming report and its files, statistics."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import python_calamine
from click.testing import CliRunner
from flask.testing import FlaskClient

from gateway.cli import main
from gateway.services import Services
from store import keys
from tests.conftest import FakeClock, Jobs
from tests.fake_twilio import FakeTwilio
from tests.webhooks import PERSON, text

Api = Callable[..., Any]
OTHER = "+14155550177"
TEXT = {"from": "+12025550100", "to": PERSON, "body": "Book fair on Saturday."}
_numbers = iter(range(1, 10_000))


def texts(client: FlaskClient, body: str, **changes: str) -> None:
    """A person texts, each time another text."""
    assert text(client, body, MessageSid=f"SM{next(_numbers):032x}", **changes).status_code == 200


def a_day(client: FlaskClient, api: Api, clock: FakeClock) -> None:
    """One text out and six in, a minute apart."""
    assert api("POST", "/messages", TEXT)[0] == 202
    for body, changes in (
        ("What time do you open?", {}),
        ("HELP", {}),
        ("=HYPERLINK(1) wrong number", {"From": OTHER}),
        ("HOURS", {"From": OTHER, "To": "55555"}),
        ("please take me off your list", {}),
        ("Thank you!", {"From": OTHER}),
    ):
        clock.pass_time(timedelta(minutes=1))
        texts(client, body, **changes)


def bodies(api: Api, path: str, account: str = "acme") -> list[str]:
    """All texts of a list, from page to page."""
    found, cursor = [], ""
    while True:
        status, page = api("GET", f"{path}{'&' if '?' in path else '?'}limit=2{cursor}", account=account)
        assert status == 200, page
        found += [item.get("text") or item["body"] for item in page["items"]]
        if page["next"] is None:
            return found
        cursor = f"&cursor={quote(page['next'])}"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (
            "",
            [
                "Thank you!",
                "please take me off your list",
                "HOURS",
                "=HYPERLINK(1) wrong number",
                "HELP",
                "What time do you open?",
            ],
        ),
        ("?decision=opt_out", ["please take me off your list", "=HYPERLINK(1) wrong number"]),
        ("?decision=opt_out&outcome=opted_out", ["please take me off your list"]),
        ("?outcome=held", ["=HYPERLINK(1) wrong number"]),
        ("?decision=none", ["Thank you!", "What time do you open?"]),
        ("?rule=acme.", ["HOURS"]),
        ("?sender=55555", ["HOURS"]),
        ("?number=(415)+555-0177&decision=reply", ["HOURS"]),
        ("?contains=TIME+do", ["What time do you open?"]),
        ("?contains=never", []),
    ],
)
def test_the_incoming_report_has_every_text_with_its_decision(
    client: FlaskClient, api: Api, clock: FakeClock, filters: str, expected: list[str]
) -> None:
    a_day(client, api, clock)
    assert bodies(api, f"/incoming{filters}") == expected


def test_the_report_is_narrowed_to_a_time(client: FlaskClient, api: Api, clock: FakeClock) -> None:
    start = clock.now()
    a_day(client, api, clock)
    since, until = (quote((start + timedelta(minutes=minutes)).isoformat()) for minutes in (2, 3))
    assert bodies(api, f"/incoming?since={since}&until={until}") == ["=HYPERLINK(1) wrong number", "HELP"]
    assert bodies(api, f"/messages?until={quote(start.isoformat())}") == [TEXT["body"]]


def test_each_row_says_what_was_done_and_who_answered(client: FlaskClient, api: Api, clock: FakeClock) -> None:
    a_day(client, api, clock)
    rows = {row["text"]: row for row in api("GET", "/incoming")[1]["items"]}
    stop = rows["please take me off your list"]
    assert (stop["outcome"], stop["reply"], stop["certainty"]) == ("opted_out", "queued", "clear")
    assert stop["rule"]
    assert stop["explanation"]
    assert api("GET", f"/messages/{stop['reply_id']}")[1]["kind"] == "confirmation"
    held = rows["=HYPERLINK(1) wrong number"]
    assert (held["outcome"], held["reply"], held["reply_explanation"]) == ("held", "held", "A person reads it first.")
    api("POST", f"/reviews/{held['id']}", {"decision": "not_opt_out"})
    assert api("GET", "/incoming?outcome=held")[1]["items"][0]["review"] == "not_opt_out"
    assert rows["Thank you!"]["reply"] == "nothing_to_answer"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("?direction=out&status=suppressed", ["Second."]),
        ("?direction=out&sender=%2B12025550100&contains=book", [TEXT["body"]]),
        ("?direction=in", ["STOP"]),
        ("?number=%2B14155550177", ["Third."]),
    ],
)
def test_messages_of_both_directions_are_listed_with_what_became_of_them(
    client: FlaskClient, api: Api, clock: FakeClock, send_jobs: Jobs, filters: str, expected: list[str]
) -> None:
    api("POST", "/messages", TEXT)
    send_jobs()
    api("POST", "/messages", {**TEXT, "body": "Second."})
    api("POST", "/messages", {**TEXT, "to": OTHER, "body": "Third."})
    clock.pass_time(timedelta(minutes=1))
    texts(client, "STOP")
    send_jobs()
    assert bodies(api, f"/messages{filters}") == expected
    (suppressed,) = api("GET", "/messages?status=suppressed")[1]["items"]
    assert (suppressed["reason"], suppressed["explanation"]) == (
        "opted_out", "The person opted out before it was handed over.",
    )  # fmt: skip
    assert suppressed["sent_by"].startswith("api key ")


def test_g8_a_stranger_finds_none_of_it(client: FlaskClient, api: Api, clock: FakeClock) -> None:
    a_day(client, api, clock)
    for path in ("/incoming", "/messages", "/incoming?number=%2B14155550100", "/messages?contains=open"):
        assert bodies(api, path, account="globex") == []
    figures = api("GET", "/statistics", account="globex")[1]
    assert sum(day["texts_in"] + sum(day["opt_outs"].values()) for day in figures["days"]) == 0
    cursor = api("GET", "/incoming?limit=1")[1]["next"]
    _, page = api("GET", f"/incoming?limit=1&cursor={quote(cursor)}", account="globex")
    assert page["items"] == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/incoming?cursor=5-m00", "bad_cursor"),
        ("/incoming?decision=maybe", "invalid_request"),
        ("/incoming?number=hello", "invalid_number"),
        ("/messages?status=lost", "invalid_request"),
        ("/messages?direction=up", "invalid_request"),
        ("/messages?since=2026-01-01T00:00:00", "invalid_request"),
        ("/messages?limit=0", "invalid_request"),
        ("/incoming/export?format=docx", "invalid_request"),
        ("/statistics?days=0", "invalid_request"),
        ("/statistics?days=400", "invalid_request"),
        ("/conversations?unanswered=maybe", "invalid_request"),
    ],
)
def test_a_question_that_is_wrong_is_told_what_is_wrong(api: Api, path: str, code: str) -> None:
    status, answer = api("GET", path)
    assert (status, answer["code"]) == (422, code)


class TestSharedSender:
    """G8: ordinary words to a sender of several accounts belong to the one that texted the person last, or to nobody."""

    def test_an_answer_belongs_to_who_texted_the_person(self, client: FlaskClient, api: Api, clock: FakeClock) -> None:
        api("POST", "/messages", {**TEXT, "from": "72975"}, account="globex")
        clock.pass_time(timedelta(minutes=1))
        texts(client, "Yes, see you at five", To="72975")
        assert bodies(api, "/incoming", account="globex") == ["Yes, see you at five"]
        assert bodies(api, "/incoming") == []
        assert api("GET", "/conversations", account="globex")[1]["items"][0]["unanswered_since"]

    def test_words_of_a_stranger_to_both_and_a_stop_are_nobodys_to_read(
        self, client: FlaskClient, api: Api, services: Services
    ) -> None:
        texts(client, "Who is this?", To="72975")
        texts(client, "STOP", To="72975")
        assert bodies(api, "/incoming") == bodies(api, "/incoming", account="globex") == []
        assert len(list(services.store.texts.read([]))) == 0
        for account in ("acme", "globex"):
            figures = api("GET", "/statistics", account=account)[1]
            assert figures["shared_senders"] == {"72975": 1}


def exported(client: FlaskClient, services: Services, form: str, filters: str = "") -> bytes:
    key = services.store.api_keys.create("acme", "read", services.clock.now())
    response = client.get(f"/api/v1/incoming/export?format={form}{filters}", headers={"Authorization": f"Bearer {key}"})
    assert response.status_code == 200
    assert response.headers["Content-Disposition"].startswith('attachment; filename="incoming.')
    return response.data


def test_the_report_is_a_file_that_runs_no_formula(
    client: FlaskClient, api: Api, clock: FakeClock, services: Services
) -> None:
    a_day(client, api, clock)
    rows = list(csv.DictReader(io.StringIO(exported(client, services, "csv").decode("utf-8"))))
    assert [row["text"] for row in rows][2:4] == ["HOURS", "'=HYPERLINK(1) wrong number"]
    assert rows[3]["outcome"] == "held for a person"
    lines = [json.loads(line) for line in exported(client, services, "ndjson", "&outcome=opted_out").splitlines()]
    assert [(line["number"], line["outcome"]) for line in lines] == [(PERSON, "opted out")]
    sheet = python_calamine.load_workbook(io.BytesIO(exported(client, services, "xlsx"))).get_sheet_by_index(0)
    assert [row[3] for row in sheet.to_python()][4] == "=HYPERLINK(1) wrong number"
    assert exported(client, services, "tab").count(b"\r\n") == 7
    assert exported(client, services, "pdf").startswith(b"%PDF")


def test_the_command_writes_the_report_and_the_operator_sees_what_is_nobodys(
    client: FlaskClient, api: Api, clock: FakeClock, services: Services, environment: dict[str, str], tmp_path: Path
) -> None:
    a_day(client, api, clock)
    texts(client, "STOP", To="72975")
    runner = CliRunner(env=environment)

    def run(*arguments: str) -> str:
        result = runner.invoke(main, ["incoming", "export", *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    assert len(run("--account", "acme").splitlines()) == 7
    assert "take me off" in run("--account", "acme", "--decision", "opt_out")
    assert len(run("--account", "acme", "--since", "2090-01-01").splitlines()) == 1
    assert ",STOP," in run("--shared", "72975")
    run(str(tmp_path / "report.xlsx"), "--account", "acme")
    assert (tmp_path / "report.xlsx").read_bytes()[:2] == b"PK"


def test_a_home_page_has_its_figures_by_day(
    client: FlaskClient, api: Api, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    api("POST", "/messages", {**TEXT, "audience": "news"})
    send_jobs()
    clock.pass_time(timedelta(days=1))
    a_day(client, api, clock)
    api("PUT", f"/opt-outs/{OTHER}", {})
    figures = api("GET", "/statistics?days=3")[1]
    before, first, today = figures["days"]
    assert (before["texts_in"], before["texts_out"]) == (0, {})
    assert (first["texts_out"], first["opt_outs"]) == ({"accepted": 1}, {})
    assert (today["texts_in"], today["held"], today["opt_outs"]) == (6, 1, {"keyword": 1, "api": 1})
    assert sum(today["texts_out"].values()) == 4  # ours, and answers to HELP, HOURS and the opt-out
    assert figures["audiences"] == [{"audience": "news", "texts": 1, "opt_outs": 1, "rate": 1.0}]
    waiting = figures["waiting"]
    assert (waiting["held"], waiting["overdue"], waiting["unanswered"]) == (1, 0, 1)
    assert waiting["deadline"] > waiting["oldest"]


def test_a_store_that_goes_away_is_said_before_a_file_begins(client: FlaskClient, services: Services) -> None:
    key = services.store.api_keys.create("acme", "read", services.clock.now())
    # The key is known; what the report is read from is not what it should be.
    services.store.client.set(keys.texts("00", "acme", "in"), "no sorted set")
    response = client.get("/api/v1/incoming/export", headers={"Authorization": f"Bearer {key}"})
    assert (response.status_code, response.get_json()["code"]) == (503, "store_unavailable")
