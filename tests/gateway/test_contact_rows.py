"""Rows with contacts: whom they match, what is appended, who does not join, and what a crash in between leaves."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from gateway.contact_rows import LIMITS, ContactRow, RowOutcome
from gateway.phone import NumberProblem
from gateway.services import Services
from store import keys
from store.addresses import place_of
from store.consent import Change, Source
from store.contacts import Contact, ContactStore, Phone, Rewrite, new_contact_id
from store.directory import Account
from store.errors import StoreError
from store.functions import Call, Functions
from store.scopes import Channel, Scope
from tests.conftest import FakeClock
from tests.webhooks import PERSON

HOME, WORK = "+14155550123", "+14155550145"
NEWS = "newsletter"


@pytest.fixture
def acme(services: Services) -> Account:
    return services.store.directory.current().accounts["acme"]


def row(number: int = 2, *phones: str, **fields: Any) -> ContactRow:
    return ContactRow(number, phones=tuple(Phone(phone) for phone in phones), **fields)


def set_up(services: Services, **settings: object) -> Account:
    def changed(account: Account) -> Account:
        return replace(account, settings={**account.settings, **settings})

    return services.store.directory.change("acme", changed)


def take(
    services: Services, account: Account, *rows: ContactRow, audience: str = NEWS, batch: str = "b", reset: bool = False
) -> list[RowOutcome]:
    return list(services.contacts.take_rows(account, rows, audience=audience, reset=reset, actor="ann", batch=batch))


def outcomes(found: Sequence[RowOutcome]) -> list[str]:
    return [one.outcome for one in found]


def everybody(services: Services) -> list[Contact]:
    return list(services.store.contact_listing.every("acme"))


def members(services: Services, audience: str = NEWS) -> set[str]:
    return {number for block in services.store.audience_members.blocks_of("acme", audience) for number in block}


KNOWN = row(2, HOME, contact_id="C1", first_name="Ann", last_name="Lee", properties={"city": "Oslo"})


@pytest.mark.parametrize(
    ("why", "known", "new", "expected", "count"),
    [
        ("the same id", [KNOWN], row(3, WORK, contact_id="C1"), "updated", 1),
        ("the same id and nothing new", [KNOWN], row(3, HOME, contact_id="C1"), "unchanged", 1),
        ("the same number", [KNOWN], row(3, HOME, properties={"zip": "0150"}), "updated", 1),
        ("an id that is new, but a number of somebody without one", [row(2, HOME)], row(3, HOME, contact_id="C9"),
         "updated", 1),
        ("another id on the same number is another person", [KNOWN], row(3, HOME, contact_id="C2"), "created", 2),
        ("another number", [KNOWN], row(3, WORK), "created", 2),
        ("a second phone of the row", [KNOWN], row(3, WORK, HOME), "updated", 1),
        ("several share the number, one has the name",
         [KNOWN, row(3, HOME, contact_id="C2", first_name="Bob", last_name="Lee")],
         row(4, HOME, first_name="BOB", last_name="Lee", properties={"a": "b"}), "updated", 2),
        ("several share the number, none has the name",
         [KNOWN, row(3, HOME, contact_id="C2", first_name="Bob")],
         row(4, HOME, first_name="Cem"), "created", 3),
        ("an id and no number, known", [KNOWN], row(3, contact_id="C1", first_name="Anna"), "updated", 1),
        ("an id and no number, unknown", [KNOWN], row(3, contact_id="C7", first_name="Anna"), "invalid", 1),
    ],
)  # fmt: skip
def test_a_row_is_matched_by_id_else_number_else_name_and_number(
    services: Services, acme: Account, why: str, known: list[ContactRow], new: ContactRow, expected: str, count: int
) -> None:
    assert outcomes(take(services, acme, *known)) == ["created"] * len(known), why
    assert outcomes(take(services, acme, new, batch="c")) == [expected], why
    assert len(everybody(services)) == count, why


def test_rows_are_appended_and_nothing_is_dropped_silently(services: Services, acme: Account) -> None:
    take(services, acme, KNOWN)
    (outcome,) = take(
        services,
        acme,
        row(2, WORK, contact_id="C1", last_name="Moe", properties={"city": "Rome", "zip": ""}),
        batch="c",
    )
    assert (outcome.outcome, outcome.code) == ("updated", "changed")
    assert outcome.sentence == "Changed: property city, last name."
    (contact,) = everybody(services)
    assert contact.numbers == (HOME, WORK)
    assert (contact.first_name, contact.last_name, contact.properties) == ("Ann", "Moe", {"city": "Rome"})
    assert members(services) == {HOME, WORK}


def test_rows_of_one_block_about_one_person_make_one_contact(services: Services, acme: Account) -> None:
    found = take(services, acme, row(2, HOME), row(3, HOME, first_name="Ann"), row(4, HOME), row(5, WORK, HOME))
    assert outcomes(found) == ["created", "updated", "unchanged", "updated"]
    (contact,) = everybody(services)
    assert (contact.numbers, contact.first_name) == ((HOME, WORK), "Ann")


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (row(2), "empty"),
        (row(2, NumberProblem.LETTERS), "letters"),
        (row(2, "12"), "not_a_number"),
        (row(2, HOME, first_name="x" * (LIMITS["name"] + 1)), "too_long"),
        (row(2, HOME, properties={"x" * (LIMITS["property_name"] + 1): "1"}), "too_long"),
        (row(2, HOME, properties={str(index): "1" for index in range(LIMITS["properties"] + 1)}), "too_many"),
        (row(2, *(f"+141555501{index:02d}" for index in range(LIMITS["phones"] + 1))), "too_many"),
    ],
)
def test_a_row_that_cannot_be_taken_says_why_and_the_others_are_taken(
    services: Services, acme: Account, bad: ContactRow, code: str
) -> None:
    found = take(services, acme, bad, row(3, WORK))
    assert [(one.outcome, one.code) for one in found] == [("invalid", code), ("created", "")]
    assert found[0].sentence
    assert members(services) == {WORK}


def test_a_further_phone_that_is_none_is_named_and_left_out(services: Services, acme: Account) -> None:
    (found,) = take(services, acme, row(2, HOME, NumberProblem.IMPOSSIBLE))
    assert (found.outcome, found.code) == ("created", "phone_invalid")
    assert "phone 2" in found.sentence


def stop(services: Services, account: Account, number: str, source: Source = Source.KEYWORD, **where: Any) -> None:
    services.consent.opt_out(account, number, source=source, actor="ann", **where)


@pytest.mark.parametrize(
    ("enforce", "where", "taken"),
    [(True, {}, False), (False, {}, True), (True, {"audience": NEWS}, True), (False, {"audience": NEWS}, True)],
)
def test_g5_an_opted_out_number_never_joins_and_is_reported(
    services: Services, acme: Account, enforce: bool, where: dict[str, str], taken: bool
) -> None:
    account = set_up(services, enforce_global_opt_outs=enforce)
    stop(services, acme, HOME, **where)
    account = services.store.directory.current(fresh=True).accounts["acme"]
    found = take(services, account, row(2, HOME, first_name="Ann"), row(3, WORK))
    assert [(one.outcome, one.code) for one in found] == [("opted_out", "opted_out"), ("created", "")]
    assert "texted" in found[0].sentence
    assert members(services) == {WORK}
    assert bool(services.store.contacts.with_numbers("acme", [HOME])[HOME]) is taken


def test_an_opt_out_from_one_audience_leaves_the_others_open(services: Services, acme: Account) -> None:
    stop(services, acme, HOME, audience="sales")
    account = services.store.directory.current(fresh=True).accounts["acme"]
    assert outcomes(take(services, account, row(2, HOME))) == ["created"]
    assert outcomes(take(services, account, row(2, HOME), audience="sales", batch="c")) == ["opted_out"]


def test_one_numbers_block_does_not_spread_to_a_persons_other_numbers(services: Services, acme: Account) -> None:
    stop(services, acme, WORK)
    (found,) = take(services, acme, row(2, HOME, WORK))
    assert (found.outcome, found.code) == ("created", "phone_opted_out")
    assert members(services) == {HOME}
    assert everybody(services)[0].numbers == (HOME,)


def test_a_block_for_calls_alone_keeps_nobody_out(services: Services, acme: Account) -> None:
    services.consent.opt_out(acme, HOME, source=Source.ADMIN, actor="ann", channels=[Channel.VOICE])
    assert outcomes(take(services, acme, row(2, HOME))) == ["created"]


@pytest.mark.parametrize(
    ("source", "lifted"),
    [(Source.ADMIN, True), (Source.IMPORT, True), (Source.API, True), (Source.AGENT, True), (Source.KEYWORD, False),
     (Source.LINK, False), (Source.CARRIER, False)],
)  # fmt: skip
def test_g5_reset_lifts_only_what_an_admin_may_lift(
    services: Services, acme: Account, clock: FakeClock, source: Source, lifted: bool
) -> None:
    stop(services, acme, HOME, source)
    clock.sleep(60)
    (kept,) = take(services, acme, row(2, HOME), batch="first")
    assert kept.outcome == "opted_out"
    (found,) = take(services, acme, row(2, HOME), reset=True)
    assert found.outcome == ("created" if lifted else "opted_out")
    assert (members(services) == {HOME}) is lifted
    assert services.consent.check(acme, [HOME])[0].allowed is lifted
    if lifted:
        entry = services.consent.explain(acme, HOME).journal[-1]
        assert (entry.kind, entry.detail) == ("lift", {"actor": "ann", "batch": "b", "reason": "reset"})


def test_g5_reset_leaves_a_number_alone_where_a_person_and_an_admin_blocked_it(
    services: Services, acme: Account, clock: FakeClock
) -> None:
    stop(services, acme, HOME, Source.ADMIN)
    stop(services, acme, HOME, Source.KEYWORD)
    clock.sleep(60)
    (found,) = take(services, acme, row(2, HOME), reset=True)
    assert found.outcome == "opted_out"
    assert "texted" in found.sentence
    assert {block.source for block in services.consent.blocks(acme, HOME)} == {Source.ADMIN, Source.KEYWORD}


def test_g8_a_stop_to_a_shared_sender_keeps_people_out_without_its_words(services: Services, acme: Account) -> None:
    globex = services.store.directory.current().accounts["globex"]
    lonely = replace(globex, senders=tuple(one for one in globex.senders if one.address == "72975"))
    services.store.directory.save([lonely])
    change = Change("opt_out", Scope.of_sender("72975"), "@72975", Source.KEYWORD)
    services.store.consent.apply(
        HOME,
        [change],
        occurred_at=services.clock.now(),
        detail={"matched": "stop it now", "text": "stop it now", "sender": "72975"},
    )
    found = services.contacts.take_rows(lonely, [row(2, HOME)], audience=NEWS, reset=True, actor="x", batch="b")
    assert found[0].outcome == "opted_out"
    assert "72975" in found[0].sentence
    assert "stop it now" not in found[0].sentence.lower()
    # acme has other senders: its audience is texted from those, and the gate looks at each text's sender.
    assert outcomes(take(services, acme, row(2, HOME))) == ["created"]


def test_taking_a_block_again_after_a_crash_changes_nothing_and_answers_the_same(
    services: Services, acme: Account
) -> None:
    take(services, acme, row(2, PERSON), batch="before")
    stop(services, acme, "+14155550199")
    rows = [
        row(2, HOME, first_name="Ann"),
        row(3, HOME, properties={"a": "1"}),
        row(4, PERSON, first_name="Bea"),
        row(5, "+14155550199"),
        row(6, "x"),
        row(7, WORK, contact_id="W"),
    ]
    first = take(services, acme, *rows)
    before = everybody(services)
    assert take(services, acme, *rows) == first
    assert everybody(services) == before


class Dying:
    """The functions of a store whose process dies before the records are written."""

    def __init__(self, real: Functions) -> None:
        self._real = real

    def start(self, calls: Sequence[Call]) -> Any:
        if any(call[0] == "sg_contacts_write" for call in calls):
            raise StoreError("died")
        return self._real.start(calls)


def test_a_crash_between_hint_and_record_leaves_nothing_that_is_seen(services: Services, acme: Account) -> None:
    functions: Any = Dying(services.store.functions)
    contact = Contact(
        new_contact_id("acme", HOME, "number", HOME), "acme", contact_id="C1", phones=(Phone(HOME),), version=1
    )
    with pytest.raises(StoreError):
        ContactStore(services.store.topology, functions).write([Rewrite(None, contact)])
    assert services.store.client.exists(keys.contacts_of_number(place_of(HOME), "acme"))
    assert services.store.contacts.with_numbers("acme", [HOME]) == {HOME: []}
    assert services.store.contacts.with_own_ids("acme", ["C1"]) == {"C1": []}
    assert everybody(services) == []
    assert outcomes(take(services, acme, row(2, HOME, contact_id="C1"))) == ["created"]


def test_whoever_is_slower_takes_the_row_on_what_the_other_wrote(services: Services, acme: Account) -> None:
    """Two processes with a new contact of the same number: one contact, with what both brought."""
    take(services, acme, row(2, HOME))
    (there,) = everybody(services)
    late = Rewrite(None, replace(there, first_name="Late"))
    assert services.store.contacts.write([late]) == [False]
    moved = replace(there, phones=(Phone(WORK),), version=there.version + 1)
    assert services.store.contacts.write([Rewrite(there, moved)]) == [True]
    # Its number is another's now, although the id that this number would get is taken.
    assert outcomes(take(services, acme, row(3, HOME, first_name="New"), batch="c")) == ["created"]
    assert {(one.numbers, one.first_name) for one in everybody(services)} == {((WORK,), ""), ((HOME,), "New")}


def test_thousands_of_rows_in_one_block(services: Services, acme: Account) -> None:
    rows = [row(index, f"+1415{5_500_000 + index}", last_name=f"N{index % 50}") for index in range(2000)]
    assert set(outcomes(take(services, acme, *rows))) == {"created"}
    assert services.store.contact_listing.count("acme") == 2000
    assert services.store.audience_members.sizes("acme", [NEWS]) == {NEWS: 2000}
    assert set(outcomes(take(services, acme, *rows, batch="c"))) == {"unchanged"}
