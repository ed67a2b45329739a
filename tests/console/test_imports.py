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
    ],
)
def test_a_file_that_can_be_no_list_is_refused_at_once(owner: Visitor, content: bytes, name: str, said: str) -> None:
    assert said in upload(owner, "opt_outs", content, name, status=422).text


def test_no_file_is_asked_for_again(owner: Visitor) -> None:
    page = owner.post(f"{IMPORTS}/new/opt_outs", {}, status=422, content_type="multipart/form-data").text
    assert "Choose a file" in page


def test_without_a_column_of_phones_nothing_is_tried(owner: Visitor) -> None:
    mapping = str(upload(owner, "opt_outs", LIST).location)
    form = filled_in(owner.get(mapping).text)
    form |= {name: "ignore" for name in form if name.startswith("column-")}
    assert "Choose the column that has the phone numbers" in owner.post(mapping, form, status=422).text


def test_a_colleague_looks_at_imports_and_makes_none_and_a_stranger_finds_nothing(
    services: Services, owner: Visitor, colleague: Visitor, stranger: Visitor
) -> None:
    tried = dry_run(services, owner, "opt_outs", LIST)
    colleague.get(IMPORTS)
    colleague.get(f"{IMPORTS}/new", status=403)
    colleague.post(f"{tried}/apply", {}, status=403)
    for path in (IMPORTS, tried, f"{tried}/live", f"{tried}/errors.csv", f"{IMPORTS}/new"):
        stranger.get(path, status=404)
    own = tried.replace("/acme/", "/globex/")
    stranger.get(own, status=404)
    stranger.post(f"{own}/apply", {}, status=404)
