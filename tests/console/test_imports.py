"""The import wizard: kind, upload, columns, dry run, apply, result, undo; for opt-outs and for contacts."""

import re
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.services import Services
from tests.conftest import FakeClock
from tests.console.conftest import Visitor
from tests.webhooks import PERSON, text

IMPORTS = "/accounts/acme/imports"
LIST = b"Phone;Opt Out Date;Note\n(415) 555-0101;2026-01-05;by letter\n415 555 0102;;\nhello;;\n+1 415 555 0101;;\n"


def upload(visitor: Visitor, kind: str, content: bytes, name: str = "list.csv", status: int = 302) -> TestResponse:
    form: dict[str, Any] = {"file": (BytesIO(content), name)}
    return visitor.post(f"{IMPORTS}/new/{kind}", form, status=status, follow=False, content_type="multipart/form-data")


def filled_in(page: str) -> dict[str, str]:
    """The form of the mapping page as a browser would send it back untouched."""
    form: dict[str, str] = {}
    for name, body in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        options = re.findall(r"<option([^>]*)>([^<]*)", body)
        attributes, words = next((each for each in options if " selected" in each[0]), options[0])
        value = re.search(r'value="([^"]*)"', attributes)
        form[name] = value.group(1) if value else words
    for tag in re.findall(r"<input[^>]*>", page):
        named, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if named and 'type="checkbox"' not in tag and named.group(1) != "csrf_token":
            form[named.group(1)] = value.group(1) if value else ""
    return form


def work(services: Services) -> None:
    """Do what waits for the workers of lists."""
    services.clock.sleep(30)
    due = services.store.outbox.claim_due(services.clock.now(), lease=timedelta(seconds=0), limit=1000)
    for effect in list(due):
        kind, _, identifier = effect.partition(":")
        if kind in {"import", "undo"}:
            services.doers[kind](identifier)


def dry_run(services: Services, visitor: Visitor, kind: str, content: bytes, **changes: str) -> str:
    """Upload and try a list; the address of the dry run."""
    mapping = str(upload(visitor, kind, content).location)
    form = filled_in(visitor.get(mapping).text) | changes
    answer = visitor.post(mapping, form, status=302, follow=False)
    work(services)
    return str(answer.location)


def out(services: Services) -> set[str]:
    acme = services.store.directory.current().accounts["acme"]
    numbers = [f"+1415555010{digit}" for digit in range(5)]
    results = services.consent.check(acme, numbers)
    return {result.number for result in results if not result.allowed}


def test_the_history_says_what_imports_are_for(owner: Visitor) -> None:
    assert "No" in owner.get(IMPORTS).text
    page = owner.get(f"{IMPORTS}/new").text
    assert "never" in page.lower()
    for kind in ("opt_outs", "contacts"):
        assert "Download this example" in owner.get(f"{IMPORTS}/new/{kind}").text
        assert "phone" in owner.get(f"{IMPORTS}/new/{kind}/example").get_data(as_text=True).lower()
    owner.get(f"{IMPORTS}/new/nothing", status=404)


def test_a_list_of_opt_outs_is_tried_applied_and_undone(services: Services, owner: Visitor, clock: FakeClock) -> None:
    tried = dry_run(services, owner, "opt_outs", LIST)
    assert out(services) == set()
    page = owner.get(tried).text
    assert "hello" in page
    assert re.search(r"Opt 2 numbers? out", page), page[:3000]
    applied = str(owner.post(f"{tried}/apply", {}, status=302, follow=False).location)
    assert applied != tried
    work(services)
    page = owner.get(applied).text
    assert out(services) == {"+14155550101", "+14155550102"}
    assert "finished" in page.lower() or "done" in page.lower()
    errors = owner.get(f"{applied}/errors.csv").get_data(as_text=True)
    assert "hello" in errors
    assert "list.csv" in owner.get(IMPORTS).text
    clock.pass_time(timedelta(minutes=1))
    assert "Lift 2 opt-outs" in owner.get(f"{applied}/undo").text
    owner.post(f"{applied}/undo", {"confirmed": "yes", "reason": "the wrong file"})
    work(services)
    assert out(services) == set()
    assert "undone" in owner.get(applied).text.lower()


def test_g5_an_undo_says_beforehand_what_it_leaves_and_leaves_it(
    services: Services, owner: Visitor, client: FlaskClient, clock: FakeClock
) -> None:
    tried = dry_run(services, owner, "opt_outs", b"phone\n415 555 0100\n415 555 0101\n")
    applied = str(owner.post(f"{tried}/apply", {}, status=302, follow=False).location)
    work(services)
    clock.pass_time(timedelta(minutes=1))
    text(client, "STOP")
    clock.pass_time(timedelta(minutes=1))
    asked = owner.get(f"{applied}/undo").text
    assert "1 number stays opted out" in asked or "2 opt-outs" in asked
    owner.post(f"{applied}/undo", {"confirmed": "yes", "reason": "the wrong file"})
    work(services)
    assert out(services) == {PERSON}


def test_a_list_of_contacts_joins_an_audience_and_names_who_did_not(
    services: Services, owner: Visitor, client: FlaskClient
) -> None:
    text(client, "STOP")
    content = b"First name,Last name,Phone,Employer\nSam,Rivera,(415) 555-0100,Harbor\nAda,Lane,415 555 0101,Mill\n"
    tried = dry_run(services, owner, "contacts", content, audience="*new", new_audience="news")
    page = owner.get(tried).text
    assert "STOP texted" in page or "opted out" in page
    applied = str(owner.post(f"{tried}/apply", {}, status=302, follow=False).location)
    work(services)
    assert "STOP texted" in owner.get(f"{applied}/errors.csv").get_data(as_text=True)
    assert "Ada Lane" in owner.get("/accounts/acme/contacts").text


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "list.csv", "empty"),
        (b"%PDF-1.7 hello", "list.csv", "PDF"),
        (b"PK\x03\x04 broken", "list.xlsx", "cannot be read"),
        (b"phone\n", "list.csv", "a header and no rows"),
        (
            b"name,city\nAda,Oakland\n",
            "list.csv",
            "No column of list.csv has phone numbers; its columns are: name, city",
        ),
    ],
)
def test_a_file_that_can_be_no_list_is_refused_at_once(owner: Visitor, content: bytes, name: str, said: str) -> None:
    assert said in upload(owner, "opt_outs", content, name, status=422).text


def test_no_file_is_asked_for_again(owner: Visitor) -> None:
    page = owner.post(f"{IMPORTS}/new/opt_outs", {}, status=422, content_type="multipart/form-data").text
    assert "Choose a file" in page


def upload_17_megabytes(visitor: Visitor) -> TestResponse:
    """More than other forms may have. The body is ours: the test client leaves a temporary file open for one so large."""
    rows = b"phone\r\n" + b"+14155550101\r\n" * 1_215_000
    token = f'--part\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{visitor.token()}\r\n'.encode()
    file = b'--part\r\nContent-Disposition: form-data; name="file"; filename="list.csv"\r\n\r\n'
    return visitor.client.post(
        f"{IMPORTS}/new/opt_outs", data=token + file + rows + b"--part--\r\n",
        content_type="multipart/form-data; boundary=part",
    )  # fmt: skip


def test_a_list_may_be_larger_than_other_forms_for_whoever_may_import(owner: Visitor) -> None:
    assert upload_17_megabytes(owner).status_code == 302


@pytest.mark.parametrize("who", ["nobody", "colleague", "stranger"])
def test_nobody_else_has_a_large_file_read(request: pytest.FixtureRequest, who: str) -> None:
    answer = upload_17_megabytes(request.getfixturevalue(who))
    assert answer.status_code == 413
    assert "too large" in answer.text


@pytest.mark.parametrize(
    ("kind", "changes", "field", "said"),
    [
        ("opt_outs", {"column-2": "phone"}, "column-2", "“Phone” is this already. Only one column can be."),
        ("opt_outs", {"column-0": "ignore"}, "columns", "Choose the column that has the phone numbers."),
        ("opt_outs", {"column-1": "shoe_size"}, "column-1", "Choose one of the list."),
        ("opt_outs", {"scope": "sender:+19995550000"}, "scope", "Choose one of the list."),
        ("opt_outs", {"scope": "audience:nobody"}, "scope", "Choose one of the list."),
        ("opt_outs", {"opted_out_at": "soon"}, "opted_out_at", "This is no date. Write it as 2026-01-31."),
        ("opt_outs", {"opted_out_at": "2999-01-31"}, "opted_out_at", "The date of the opt-outs is in the future."),
        ("opt_outs", {"default_country": "ZZ"}, "default_country", "Choose a country of the list."),
        ("opt_outs", {"timezone": "Mars/Olympus"}, "timezone", "Choose a time zone of the list."),
        ("opt_outs", {"date_order": "ymd"}, "date_order", "Choose one of the list."),
        ("contacts", {"column-2": "property", "property-2": "x" * 61}, "column-2", "A property needs a name"),
        ("contacts", {"audience": "*new"}, "new_audience", "Give the new audience a name."),
        ("contacts", {"new_audience": "news"}, "new_audience", "or leave this empty."),
        ("contacts", {"audience": "*new", "new_audience": "a/b"}, "new_audience", "and none of / { }."),
        ("contacts", {"audience": "nothing"}, "audience", "Choose one of the list."),
    ],
)
def test_what_is_wrong_in_the_form_is_said_beside_its_field_and_what_was_chosen_stays(
    services: Services, owner: Visitor, kind: str, changes: dict[str, str], field: str, said: str
) -> None:
    mapping = str(upload(owner, kind, LIST).location)
    form = {**filled_in(owner.get(mapping).text), "note": "by hand", **changes}
    page = owner.post(mapping, form, status=422).text
    beside = re.search(rf'<p[^>]*id="{field}-error"[^>]*>([^<]*)', page)
    assert beside, re.findall(r'id="[^"]*-error"', page)
    assert said in beside.group(1)
    assert "Nothing was tried." in page
    assert 'value="by hand"' in page
    assert services.store.imports.newest("acme") == []


def test_an_export_of_another_product_is_named_and_its_columns_are_known(owner: Visitor) -> None:
    mapping = str(upload(owner, "opt_outs", b"phone,opt out note\n4155550101,said stop\n").location)
    page = owner.get(mapping).text
    assert "GetThru ThruText opt-outs" in page
    assert filled_in(page)["column-0"] == "phone"


def test_of_a_log_of_messages_only_the_opt_outs_count_unless_one_says_otherwise(
    services: Services, owner: Visitor
) -> None:
    """Twilio's log says by an error code who opted out; the rows of the others are texts that arrived."""
    log = (
        b"From,To,Body,Status,SentDate,Direction,ErrorCode\n"
        b"+12025550142,+14155550101,Hi,undelivered,2026-01-05,outbound-api,21610\n"
        b"+12025550142,+14155550102,Hi,delivered,2026-01-05,outbound-api,\n"
    )
    assert "Opt 1 number out" in owner.get(dry_run(services, owner, "opt_outs", log)).text
    assert "Opt 2 numbers out" in owner.get(dry_run(services, owner, "opt_outs", log, **{"column-6": "ignore"})).text


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"Wer,Nummer\nAnna,4155550101\nBen,4155550102\n", ["ignore", "phone"], id="a name nobody knows"),
        pytest.param(b"4155550101,Anna\n4155550102,Ben\n", ["phone", "ignore"], id="no names at all"),
        pytest.param(b"Phone,Note,Note\n4155550101,a,b\n4155550102,,\n", ["phone", "ignore", "ignore"], id="twice"),
        pytest.param(b",Phone,\na,4155550101,b\nc,4155550102,d\n", ["ignore", "phone", "ignore"], id="empty names"),
    ],
)
def test_odd_headers_are_understood(services: Services, owner: Visitor, content: bytes, expected: list[str]) -> None:
    form = filled_in(owner.get(str(upload(owner, "opt_outs", content).location)).text)
    assert [form[f"column-{place}"] for place in range(len(expected))] == expected
    assert "Opt 2 numbers out" in owner.get(dry_run(services, owner, "opt_outs", content)).text


def test_two_columns_of_the_same_name_become_what_one_says_of_each(services: Services, owner: Visitor) -> None:
    content = b"Phone,Note,Note\n4155550101,tall,kind\n"
    changes = {"column-2": "property", "property-1": "Size", "property-2": "Manner"}
    tried = dry_run(services, owner, "contacts", content, **changes)
    owner.post(f"{tried}/apply")
    work(services)
    acme = services.store.directory.current().accounts["acme"]
    (contact,) = services.store.contacts.get_many(acme.id, ids_of_contacts(services)).values()
    assert dict(contact.properties) == {"Size": "tall", "Manner": "kind"}


def ids_of_contacts(services: Services) -> list[str]:
    acme = services.store.directory.current().accounts["acme"]
    return [contact.id for contact in services.contacts.page(acme, order="name", limit=10).items]


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        pytest.param(b"phone|note\n4155550101|a;b;c\n", 2, id="as the first row says"),
        pytest.param(b"phone|note;more;words\n4155550101|a;b;c\n", 2, id="where the first row misleads"),
    ],
)
def test_what_stands_between_cells_is_seen(owner: Visitor, content: bytes, columns: int) -> None:
    assert f"{columns} columns" in owner.get(str(upload(owner, "opt_outs", content).location)).text


def test_one_may_say_what_stands_between_cells(owner: Visitor) -> None:
    mapping = str(upload(owner, "opt_outs", b"phone,note|more\n4155550101,a|b\n").location)
    assert filled_in(owner.get(mapping).text)["column-0"] == "phone"
    page = owner.get(f"{mapping}?delimiter=;").text
    assert "no list" in page
    assert "2 columns" in page


def test_the_columns_are_changed_after_a_dry_run_without_filling_in_anything_again(
    services: Services, owner: Visitor
) -> None:
    changes = {"note": "in May", "channels": "text", "opted_out_at": "2026-01-31", "column-2": "opted_out"}
    tried = dry_run(services, owner, "opt_outs", LIST, **changes)
    again = re.search(r'href="([^"]*/uploads/[^"]*)"', owner.get(tried).text)
    assert again
    form = filled_in(owner.get(again.group(1).replace("&amp;", "&")).text)
    assert {name: form[name] for name in changes} == changes


def test_a_stopped_import_goes_on_and_a_finished_one_cannot_be_stopped(services: Services, owner: Visitor) -> None:
    tried = dry_run(services, owner, "opt_outs", LIST)
    applied = str(owner.post(f"{tried}/apply", status=302, follow=False).location)
    page = owner.get(applied).text
    assert 'http-equiv="refresh"' in page
    assert f'data-live="{applied}/live"' in page
    live = owner.get(f"{applied}/live")
    assert "X-Live" not in live.headers
    assert owner.client.get(f"{applied}/live", headers={"If-None-Match": live.headers["ETag"]}).status_code == 304
    assert "The import was stopped" in owner.post(f"{applied}/stop").text
    work(services)
    assert out(services) == set()
    assert "Go on" in owner.get(applied).text
    owner.post(f"{applied}/resume")
    work(services)
    assert out(services) == {"+14155550101", "+14155550102"}
    assert owner.get(f"{applied}/live").headers["X-Live"] == "end"
    assert "The import is finished" in owner.post(f"{applied}/stop").text


def test_a_dry_run_is_applied_once_and_is_not_to_be_undone(services: Services, owner: Visitor) -> None:
    tried = dry_run(services, owner, "opt_outs", LIST)
    one, other = (owner.post(f"{tried}/apply", status=302, follow=False).location for _ in range(2))
    assert one == other
    assert "See what came of it" in owner.get(tried).text
    assert "A dry run changed nothing" in owner.get(f"{tried}/undo").text


def test_the_rows_of_one_outcome_are_shown_with_what_is_wrong_in_its_cell(services: Services, owner: Visitor) -> None:
    page = owner.get(dry_run(services, owner, "opt_outs", LIST) + "?show=invalid").text
    (row,) = re.findall(r"<tr>\s*<th scope=\"row\">.*?</tr>", page, re.DOTALL)
    assert '<th scope="row">4</th>' in row
    wrong = re.search(r'<td class="wrong">(.*?)</td>', row, re.DOTALL)
    assert wrong
    assert "A phone number has no letters." in wrong.group(1)
    assert "hello" in wrong.group(1)


def test_bringing_people_back_is_asked_once_more_and_never_reaches_who_said_stop(
    services: Services, owner: Visitor, client: FlaskClient, clock: FakeClock
) -> None:
    """G5 and seed 003: a reset lifts what an admin may lift."""
    text(client, "STOP")
    acme = services.store.directory.current().accounts["acme"]
    tried = dry_run(services, owner, "opt_outs", b"phone\n4155550101\n")
    owner.post(f"{tried}/apply")
    work(services)
    clock.pass_time(timedelta(minutes=1))
    contacts = b"Phone\n4155550100\n4155550101\n"
    tried = dry_run(services, owner, "contacts", contacts, reset="yes", audience="*new", new_audience="news")
    asked = owner.post(f"{tried}/apply").text
    assert "Bring back contacts that opted out before?" in asked
    assert len(services.store.imports.newest(acme.id)) == 3
    owner.post(f"{tried}/apply", {"confirmed": "yes"})
    work(services)
    assert out(services) == {PERSON}


def test_the_history_goes_on_on_a_next_page(services: Services, owner: Visitor) -> None:
    acme = services.store.directory.current().accounts["acme"]
    upload_of = services.import_uploads.get(acme, str(upload(owner, "opt_outs", LIST).location).rpartition("/")[2])
    for number in range(52):
        services.clock.sleep(1)
        services.import_uploads.try_out(acme, upload_of, actor="user olivia@acme.example", note=f"{number}")
    page = owner.get(IMPORTS).text
    assert page.count("dry run") == 50
    following = re.search(r'rel="next" href="([^"]+)"', page)
    assert following
    assert owner.get(following.group(1)).text.count("dry run") == 2
    owner.get(f"{IMPORTS}?cursor=99999999999999999999:x")


def test_a_file_that_is_no_longer_kept_is_asked_for_again(services: Services, owner: Visitor) -> None:
    assert "no longer kept" in owner.get(f"{IMPORTS}/uploads/{'0' * 32}").text


def test_a_colleague_looks_at_imports_and_makes_none_and_a_stranger_finds_nothing(
    services: Services, owner: Visitor, colleague: Visitor, stranger: Visitor
) -> None:
    tried = dry_run(services, owner, "opt_outs", LIST)
    colleague.get(IMPORTS)
    colleague.get(f"{IMPORTS}/new", status=403)
    colleague.post(f"{tried}/apply", {}, status=403)
    for path in (IMPORTS, tried, f"{tried}/live", f"{tried}/errors.csv", f"{IMPORTS}/new"):
        stranger.get(path, status=404)
    mapping = str(upload(owner, "opt_outs", LIST).location)
    colleague.get(mapping, status=403)
    stranger.get(mapping, status=404)
    assert "no longer kept" in stranger.get(mapping.replace("/acme/", "/globex/")).text
    own = tried.replace("/acme/", "/globex/")
    stranger.get(own, status=404)
    stranger.post(f"{own}/apply", {}, status=404)
