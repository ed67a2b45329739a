"""Imports of contacts: several phones, properties, audiences, opt-outs that the same rows bring."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.services import Services
from store.consent import Change, Source
from store.scopes import Scope
from tests.conftest import FakeClock
from tests.gateway.conftest import Upload

PERSON, OTHER, THIRD, FOURTH = "+14155550100", "+14155550101", "+14155550102", "+14155550103"
ACME = Scope.of_account("acme")

LIST = f"""Contact ID,First Name,Last Name,Primary Phone,Home Phone,Created At,Employer
7,Ann,Lee,{PERSON},{FOURTH},2024-01-01,Acme & Sons
8,Ben,Ray,{OTHER},,2024-01-01,
9,Cy,Poe,n/a,,2024-01-01,
7,Ann,Lee,(415) 555-0100,,2024-01-01,Acme & Sons
,Di,Fox,{THIRD},n/a,2024-01-01,Globex
"""


def counts(**some: int) -> dict[str, int]:
    return {name: some.get(name, 0) for name in ("created", "updated", "unchanged", "opted_out", "invalid")}


def contacts_of(services: Services) -> dict[str, Any]:
    acme = services.store.directory.current(fresh=True).accounts["acme"]
    return {one.first_name: one for one in services.contacts.page(acme, order="name", limit=50).items}


def opt_out(services: Services, clock: FakeClock, number: str, source: Source) -> None:
    side = ACME if source is Source.KEYWORD else ACME.entered_side
    change = Change("opt_out", side, "acme", source)
    services.store.consent.apply(number, [change], occurred_at=clock.now() - timedelta(days=1), detail={})


def test_contacts_are_made_and_matched_and_a_dry_run_says_so_before(
    services: Services, upload: Upload, api: Any, work: Any, errors: Any
) -> None:
    """Seed 000: by contact id, names, phones; any other column becomes a property. "Created At" is no opt-out."""
    expected = counts(created=3, unchanged=1, invalid=1)
    _, made = upload(LIST, kind="contacts", dry_run=True)
    work()
    _, tried = api("GET", f"/imports/{made['id']}")
    assert (tried["status"], tried["counts"], tried["opt_outs"]) == ("finished", expected, {})
    assert tried["columns"]["Employer"] == "property:Employer"
    assert contacts_of(services) == {}
    _, applied = api("POST", f"/imports/{made['id']}/apply")
    work()
    _, done = api("GET", f"/imports/{applied['id']}")
    assert (done["status"], done["counts"], done["rows"]) == ("finished", expected, 5)
    found = contacts_of(services)
    assert found.keys() == {"Ann", "Ben", "Di"}
    ann = found["Ann"]
    assert (ann.contact_id, list(ann.numbers), dict(ann.properties)) == (
        "7", [PERSON, FOURTH], {"Created At": "2024-01-01", "Employer": "Acme & Sons"},
    )  # fmt: skip
    assert [(row["row"], row["outcome"], row["code"]) for row in errors(applied["id"])] == [
        ("4", "invalid", "letters"),
        ("6", "created", "phone_invalid"),
    ]
    # Taken again, nothing is new.
    _, again = upload(LIST, kind="contacts")
    work()
    assert api("GET", f"/imports/{again['id']}")[1]["counts"] == counts(unchanged=4, invalid=1)


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    ("source", "reset", "joins"),
    [
        (Source.KEYWORD, False, False),
        (Source.ADMIN, False, False),
        pytest.param(Source.KEYWORD, True, False, id="g5-a-reset-leaves-a-persons-own-stop"),
        (Source.ADMIN, True, True),
    ],
)
def test_who_opted_out_does_not_join_and_is_named(
    services: Services, clock: FakeClock, upload: Upload, api: Any, work: Any, errors: Any,
    source: Source, reset: bool, joins: bool, dry_run: bool,
) -> None:  # fmt: skip
    """Seeds 002 and 003; design §4 "Re-adding"; G5."""
    opt_out(services, clock, PERSON, source)
    _, made = upload(
        f"name,phone\nAnn,{PERSON}\nBen,{OTHER}\n", kind="contacts", audience="news", reset=reset, dry_run=dry_run
    )
    work()
    _, done = api("GET", f"/imports/{made['id']}")
    assert done["counts"] == (counts(created=2) if joins else counts(created=1, opted_out=1))
    members = services.store.audiences.are_members([PERSON, OTHER], "acme", "news")
    assert [bool(member) for member in members] == ([False, False] if dry_run else [joins, True])
    rows = errors(made["id"])
    assert [(row["row"], row["code"]) for row in rows] == ([] if joins else [("2", "opted_out")])
    acme = services.store.directory.current(fresh=True).accounts["acme"]
    assert services.consent.check(acme, [PERSON], audience="news")[0].allowed == (joins and not dry_run)


def test_rows_with_the_date_of_an_opt_out_are_opted_out_and_an_undo_lifts_that(
    services: Services, upload: Upload, api: Any, work: Any
) -> None:
    """Seed 000: a contact import that maps "Opt Out Date"."""
    content = f"First Name,Phone,Opt Out Date\nAnn,{PERSON},2024-05-01\nBen,{OTHER},\n"
    _, made = upload(content, kind="contacts", audience="news")
    work()
    _, done = api("GET", f"/imports/{made['id']}")
    assert (done["counts"], done["opt_outs"]) == (counts(created=2), {"opted_out": 1})
    acme = services.store.directory.current(fresh=True).accounts["acme"]
    assert services.consent.blocks(acme, PERSON)[0].since.isoformat() == "2024-05-01T23:59:59+00:00"
    assert services.consent.blocks(acme, OTHER) == ()
    members = services.store.audiences.are_members([PERSON, OTHER], "acme", "news")
    assert [bool(member) for member in members] == [False, True]
    api("POST", f"/imports/{made['id']}/undo")
    work()
    assert services.consent.blocks(acme, PERSON) == ()
    assert contacts_of(services).keys() == {"Ann", "Ben"}


def test_a_list_of_contacts_that_opted_nobody_out_has_nothing_to_undo(upload: Upload, api: Any, work: Any) -> None:
    _, made = upload(f"phone\n{PERSON}\n", kind="contacts")
    work()
    status, refused = api("POST", f"/imports/{made['id']}/undo")
    assert (status, refused["code"]) == (409, "nothing_to_undo")


def test_a_cell_may_hold_several_numbers(services: Services, upload: Upload, work: Any) -> None:
    upload(f'first name,phone,other phones\nAnn,,"{PERSON}; {OTHER}, {PERSON}"\n', kind="contacts")
    work()
    assert list(contacts_of(services)["Ann"].numbers) == [PERSON, OTHER]
