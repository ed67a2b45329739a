"""Imports through the API and workers: what comes of each row, dry runs, stopping, resuming, undoing."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.services import Services
from store.consent import Change, Source
from store.scopes import Channel, Scope
from tests.conftest import FakeClock
from tests.gateway.conftest import Upload

PERSON, OTHER, THIRD = "+14155550100", "+14155550101", "+14155550102"
ACME = Scope.of_account("acme")
READS = ("", "/undo", "/errors.csv")
CHANGES = ("/stop", "/resume", "/apply", "/undo")


def stop(services: Services, number: str, at: Any, kind: str = "opt_out", source: Source = Source.KEYWORD) -> None:
    services.store.consent.apply(number, [Change(kind, ACME, "acme", source)], occurred_at=at, detail={})


def counts(**some: int) -> dict[str, int]:
    names = ("opted_out", "already", "stronger_kept", "would_readd", "duplicate", "invalid", "skipped")
    return {name: some.get(name, 0) for name in names}


MIXED = f"""Name,Phone,Opt Out Date,Note
Ann,{PERSON},2024-05-01,=cmd|' /C calc'!A0
Ben,(415) 555-0101,2024-05-02,
Cy,{PERSON},2024-05-03,
Di,n/a,,
Ed,{THIRD},2024-05-01,
Flo,+14155550103,2024-05-01,
"Gus, Jr.",+14155550104,31/31/2024,"two
lines"
"""


def prepare(services: Services, clock: FakeClock) -> None:
    """OTHER said STOP; THIRD said STOP and came back."""
    stop(services, OTHER, clock.now() - timedelta(days=1))
    stop(services, THIRD, clock.now() - timedelta(days=2))
    stop(services, THIRD, clock.now() - timedelta(days=1), "lift")


def test_a_dry_run_says_what_would_come_of_each_row_and_applying_it_does_just_that(
    services: Services, clock: FakeClock, upload: Upload, api: Any, work: Any, errors: Any
) -> None:
    prepare(services, clock)
    status, made = upload(MIXED, dry_run=True, note="from the old system")
    assert (status, made["status"], made["dry_run"]) == (202, "queued", True)
    work()
    _, tried = api("GET", f"/imports/{made['id']}")
    expected = counts(opted_out=3, stronger_kept=1, would_readd=1, duplicate=1, invalid=1)
    assert (tried["status"], tried["counts"], tried["rows"], tried["progress"]) == ("finished", expected, 7, 1.0)
    acme = services.store.directory.current().accounts["acme"]
    assert services.consent.blocks(acme, PERSON) == ()
    status, applied = api("POST", f"/imports/{made['id']}/apply")
    assert (status, applied["status"], applied["dry_run"]) == (202, "queued", False)
    assert api("POST", f"/imports/{made['id']}/apply")[1]["id"] == applied["id"]
    work()
    _, done = api("GET", f"/imports/{applied['id']}")
    assert (done["status"], done["counts"]) == ("finished", expected)
    assert api("GET", f"/imports/{made['id']}")[1]["applied_as"] == applied["id"]
    assert services.consent.blocks(acme, PERSON)[0].since.isoformat() == "2024-05-01T23:59:59+00:00"
    assert services.consent.blocks(acme, THIRD) == ()
    for identifier in (made["id"], applied["id"]):
        assert [(row["row"], row["outcome"], row["code"]) for row in errors(identifier)] == [
            ("3", "stronger_kept", "stronger_kept"),
            ("4", "duplicate", "duplicate"),
            ("5", "invalid", "letters"),
            ("6", "would_readd", "would_readd"),
            ("8", "opted_out", "date_unreadable"),
        ]


def test_the_report_has_the_rows_as_they_were_and_no_formula(upload: Upload, work: Any, errors: Any) -> None:
    content = 'phone,name,note\nx,"Gus, Jr.","two\nlines"\nn/a,é,"=1+1"\n,@SUM(A1),-5\n'
    _, made = upload(content)
    work()
    rows = errors(made["id"])
    assert [(row["row"], row["phone"], row["name"], row["note"]) for row in rows] == [
        ("2", "x", "Gus, Jr.", "two\nlines"),
        ("3", "n/a", "é", "'=1+1"),
        ("4", "", "'@SUM(A1)", "-5"),
    ]
    assert all(row["what it means"].endswith(".") for row in rows)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        pytest.param("2001-01-01", "would_readd", id="a date before they came back"),
        pytest.param("", "would_readd", id="no date at all"),
        pytest.param("today", "would_readd", id="a date that cannot be read"),
        pytest.param("newer", "opted_out", id="a date after they came back"),
    ],
)
def test_who_came_back_stays_unless_the_list_says_that_they_stopped_after_that(
    services: Services, clock: FakeClock, upload: Upload, api: Any, work: Any, date: str, expected: str
) -> None:
    """Seed 001 and design §4: an import never replaces what the person said themself."""
    prepare(services, clock)
    date = (clock.now() - timedelta(hours=1)).isoformat() if date == "newer" else date
    _, made = upload(f"phone,date\n{THIRD},{date}\n")
    work()
    assert api("GET", f"/imports/{made['id']}")[1]["counts"] == counts(**{expected: 1})


def test_a_date_given_for_the_whole_list_counts_as_a_date(
    services: Services, clock: FakeClock, upload: Upload, api: Any, work: Any
) -> None:
    prepare(services, clock)
    _, made = upload(f"phone\n{THIRD}\n", opted_out_at=(clock.now() - timedelta(hours=1)).isoformat())
    work()
    assert api("GET", f"/imports/{made['id']}")[1]["counts"] == counts(opted_out=1)


@pytest.mark.parametrize(
    ("form", "content", "blocked"),
    [
        ({}, f"phone\n{PERSON}\n", {("account", "text"), ("account", "voice")}),
        ({"channels": "text"}, f"phone\n{PERSON}\n", {("account", "text")}),
        ({"channels": ["text", "voice"]}, f"phone\n{PERSON}\n", {("account", "text"), ("account", "voice")}),
        ({"channels": "both"}, f"phone\n{PERSON}\n", {("account", "text"), ("account", "voice")}),
        ({"channels": '["voice"]'}, f"phone\n{PERSON}\n", {("account", "voice")}),
        ({"sender": "72975"}, f"phone\n{PERSON}\n", {("account+sender", "text"), ("account+sender", "voice")}),
        ({}, f"phone,channel\n{PERSON},SMS\n", {("account", "text")}),
        ({}, f"phone,channel\n{PERSON},Voice\n", {("account", "voice")}),
        ({"channels": "text"}, f"phone,channel\n{PERSON},Text and voice\n", {("account", "text"), ("account", "voice")}),
        ({"channels": "text"}, f"phone,channel\n{PERSON},carrier pigeon\n", {("account", "text")}),
        ({"channels": "voice"}, f"phone,channel\n{PERSON},\n", {("account", "voice")}),
    ],
)  # fmt: skip
def test_targets_are_the_whole_number_one_channel_or_one_sender(
    services: Services, upload: Upload, work: Any, form: dict[str, Any], content: str, blocked: set[tuple[str, str]]
) -> None:
    """Seeds 000 and 004."""
    status, made = upload(content, **form)
    assert status == 202, made
    work()
    acme = services.store.directory.current().accounts["acme"]
    assert {(block.scope.kind.value, block.channel.value) for block in services.consent.blocks(acme, PERSON)} == blocked


def test_rows_of_different_channels_are_undone_together(
    services: Services, upload: Upload, api: Any, work: Any
) -> None:
    content = f"phone,channel\n{PERSON},text\n{OTHER},voice\n{THIRD},both\n{PERSON},voice\n{PERSON},text\n"
    _, made = upload(content)
    work()
    # The same number in another channel opts out of more; the third time it is a duplicate.
    assert api("GET", f"/imports/{made['id']}")[1]["counts"] == counts(opted_out=4, duplicate=1)
    api("POST", f"/imports/{made['id']}/undo", {"reason": "wrong file"})
    work()
    assert list(services.store.bulk.all_blocked(lambda _: True)) == []
    assert [drift for report in services.store.verification().run() for drift in report.drifts] == []


def test_a_column_that_says_who_opted_out_leaves_the_others_alone(
    upload: Upload, api: Any, work: Any, errors: Any
) -> None:
    """Seed 000 writes "Opted Out?" with yes and no."""
    _, made = upload(f"phone,Opted Out?\n{PERSON},Yes\n{OTHER},No\n{THIRD},\n")
    work()
    assert api("GET", f"/imports/{made['id']}")[1]["counts"] == counts(opted_out=1, skipped=2)
    assert [row["code"] for row in errors(made["id"])] == ["skipped", "skipped"]


def test_an_undo_says_beforehand_what_it_will_lift_and_does_just_that(
    services: Services, upload: Upload, api: Any, work: Any
) -> None:
    _, made = upload(f"phone\n{PERSON}\n{OTHER}\n{THIRD}\n")
    work()
    acme = services.store.directory.current().accounts["acme"]
    services.consent.opt_out(acme, OTHER, source=Source.LINK, actor="the person")
    path = f"/imports/{made['id']}/undo"
    assert api("GET", path) == (200, {"will_lift": 2, "will_keep": 1, "exact": True})
    assert len(services.consent.blocks(acme, PERSON)) == 2
    status, asked = api("POST", path)
    assert (status, asked["undo"]["status"]) == (202, "running")
    work()
    _, undone = api("GET", f"/imports/{made['id']}")
    assert (undone["status"], undone["undo"]) == ("undone", {"status": "done", "lifted": 2, "kept": 1, "progress": 1.0})
    assert services.consent.blocks(acme, PERSON) == ()
    assert services.consent.blocks(acme, OTHER) != ()
    (*_, last) = services.store.consent.history(PERSON, [ACME])
    assert (last.kind, last.source) == ("lift", "admin")
    assert (last.detail["actor"][:8], last.detail["file"]) == ("api key ", "list.csv")
    # Asked again, it changes nothing and says the same.
    assert api("POST", path)[1]["undo"] == undone["undo"]
    work()
    assert api("GET", f"/imports/{made['id']}")[1]["undo"] == undone["undo"]


def test_an_undo_tells_numbers_apart_that_differ_in_the_middle_only(
    services: Services, upload: Upload, api: Any, work: Any
) -> None:
    """They end alike, so that they are of one shard, and begin alike."""
    numbers = [f"+1415555{middle:02d}01" for middle in range(100)]
    _, made = upload("phone\n" + "\n".join(numbers) + "\n")
    work()
    assert api("GET", f"/imports/{made['id']}/undo")[1]["will_lift"] == 100
    api("POST", f"/imports/{made['id']}/undo")
    work()
    assert api("GET", f"/imports/{made['id']}")[1]["undo"]["lifted"] == 100
    acme = services.store.directory.current().accounts["acme"]
    assert all(result.allowed for result in services.consent.check(acme, numbers))


def test_g8_a_stranger_learns_nothing_of_an_import(upload: Upload, api: Any, work: Any) -> None:
    _, made = upload(f"phone\n{PERSON}\n", dry_run=True)
    work()
    for method, ends in (("GET", READS), ("POST", CHANGES)):
        for end in ends:
            status, refused = api(method, f"/imports/{made['id']}{end}", account="globex")
            assert (status, refused["code"]) == (404, "not_found"), end
    assert api("GET", "/imports", account="globex")[1]["items"] == []


@pytest.mark.parametrize(("role", "reads", "changes"), [("send", 403, 403), ("read", 200, 403), ("manage", 200, 202)])
def test_each_role_may_do_what_the_table_says(upload: Upload, api: Any, role: str, reads: int, changes: int) -> None:
    _, made = upload(f"phone\n{PERSON}\n")
    assert upload(f"phone\n{OTHER}\n", role=role)[0] == changes
    assert upload(f"phone\n{OTHER}\n", role=role, path="/imports/preview")[0] == (200 if changes == 202 else 403)
    assert api("GET", f"/imports/{made['id']}", role=role)[0] == reads
    assert api("POST", f"/imports/{made['id']}/stop", role=role)[0] == changes


@pytest.mark.parametrize(
    ("content", "form", "code", "says"),
    [
        ("phone\n1\n", {"mapping": {"nope": "phone"}}, "unusable_file", "There is no column 'nope'"),
        ("phone\n1\n", {"mapping": {"phone": "telephone"}}, "unusable_file", "There is no target field 'telephone'"),
        ("a,b\n1,2\n", {"mapping": {"a": "phone", "b": "phone"}}, "unusable_file", "More than one column"),
        ("a,b\n1,2\n", {"mapping": {"a": "phone", "b": "other_phone"}}, "unusable_file", "never reaches a person's others"),
        ("name\nAnn\n", {}, "unusable_file", "No column is called phone"),
        ("", {}, "unusable_file", "is empty"),
        ("phone\n1\n", {"sender": "+19995550100"}, "unknown_sender", "not a sender"),
        ("phone\n1\n", {"sender": "72975", "audience": "x"}, "one_scope_only", "not both"),
        ("phone\n1\n", {"timezone": "Mars/Olympus"}, "invalid_request", "time zone"),
        ("phone\n1\n", {"default_country": "ZZ"}, "invalid_request", "no country 'ZZ'"),
        ("phone\n1\n", {"opted_out_at": "2099-01-01T00:00:00Z"}, "in_the_future", "future"),
        ("phone\n1\n", {"kind": "people"}, "invalid_request", "kind"),
        ("phone\n1\n", {"mapping": "{not json"}, "invalid_request", "mapping"),
        ("phone\n1\n", {"colour": "red"}, "invalid_request", "colour"),
    ],
)  # fmt: skip
def test_what_cannot_be_imported_is_refused_at_once_in_words(
    upload: Upload, api: Any, content: str, form: dict[str, Any], code: str, says: str
) -> None:
    status, refused = upload(content, **form)
    assert (status, refused["code"]) == (422, code)
    assert says in refused["detail"]
    assert api("GET", "/imports")[1]["items"] == []


def test_a_preview_shows_columns_with_cells_and_what_is_wrong(upload: Upload, api: Any) -> None:
    content = f"Name;Mobile;Opted out on;Channel\nZoë;{PERSON};13/05/2024;sms\nBen;n/a;soon;fax\n".encode("cp1252")
    status, seen = upload(content, path="/imports/preview")
    assert status == 200
    assert (seen["encoding"], seen["delimiter"], seen["date_order"], seen["has_header"]) == (
        "latin-1",
        ";",
        "dmy",
        True,
    )
    assert [(column["header"], column["target"], column["samples"]) for column in seen["columns"]] == [
        ("Name", "ignore", ["Zoë", "Ben"]),
        ("Mobile", "phone", [PERSON, "n/a"]),
        ("Opted out on", "opted_out_at", ["13/05/2024", "soon"]),
        ("Channel", "channel", ["sms", "fax"]),
    ]
    assert (seen["rows"], seen["numbers"], len(seen["problems"])) == (2, 1, 3)
    assert api("GET", "/imports")[1]["items"] == []


def test_an_import_of_one_channel_leaves_the_other_open(services: Services, upload: Upload, work: Any) -> None:
    upload(f"phone\n{PERSON}\n", channels="voice")
    work()
    acme = services.store.directory.current().accounts["acme"]
    assert services.consent.check(acme, [PERSON])[0].allowed
    assert not services.consent.check(acme, [PERSON], channel=Channel.VOICE)[0].allowed
