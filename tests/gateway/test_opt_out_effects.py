"""What an opt-out does to audiences, contacts, waiting texts and open questions; by each setting, once and repeated."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.contact_rows import ContactRow
from gateway.services import Services
from store.audience_records import AudienceRecord
from store.batches import Batch, Row
from store.consent import Source, milliseconds
from store.contacts import Phone
from store.directory import Account
from store.scopes import Channel, Scope
from tests.conftest import FakeClock
from tests.webhooks import PERSON, text

WORK = "+14155550145"
NEWS, SALES = "newsletter", "sales"
SHORT_CODE = "72975"
SETTINGS = ("remove_from_all_audiences", "delete_opt_outs_from_contacts", "enforce_global_opt_outs")


def account_of(services: Services, name: str = "acme") -> Account:
    return services.store.directory.current(fresh=True).accounts[name]


def set_up(services: Services, name: str = "acme", **settings: object) -> Account:
    def changed(account: Account) -> Account:
        return replace(account, settings={**account.settings, **settings})

    return services.store.directory.change(name, changed)


def take(services: Services, *phones: str, audience: str = NEWS, account: str = "acme", **fields: Any) -> str:
    row = ContactRow(2, phones=[Phone(phone) for phone in phones], **fields)
    (found,) = services.contacts.take_rows(
        account_of(services, account), [row], audience=audience, reset=False, actor="ann", batch=""
    )
    return found.outcome


def effects(services: Services) -> None:
    """Let whoever follows the journals do what is due."""
    for shard in services.store.following.shards_behind():
        services.following.follow(shard)


def opt_out(services: Services, number: str = PERSON, *, source: Source = Source.KEYWORD, **where: Any) -> None:
    services.consent.opt_out(account_of(services), number, source=source, actor="ann", **where)


def lift(services: Services, number: str = PERSON) -> None:
    services.consent.lift(account_of(services), number, source=Source.ADMIN, actor="ann", reason="mistake")


def audiences_of(services: Services, number: str = PERSON, account: str = "acme") -> list[str]:
    return services.store.audiences.memberships(number, account, account_of(services, account).audiences)


def phones_of(services: Services, number: str, account: str = "acme") -> list[tuple[str, ...]]:
    return [contact.numbers for contact in services.store.contacts.with_numbers(account, [number])[number]]


@pytest.mark.parametrize("on", list(itertools.product([True, False], repeat=3)))
@pytest.mark.parametrize("how", ["text", "admin", "import", "batch"])
def test_each_setting_has_exactly_its_own_effect(
    services: Services, client: FlaskClient, clock: FakeClock, on: tuple[bool, ...], how: str
) -> None:
    """All eight combinations; none is a switch that does nothing by itself (seed 003's trap)."""
    settings = dict(zip(SETTINGS, on, strict=True))
    set_up(services, **settings)
    take(services, PERSON, first_name="Ann")
    take(services, PERSON, audience=SALES)
    match how:
        case "text":
            text(client, "STOP")
        case "admin" | "import":
            opt_out(services, source=Source[how.upper()])
        case "batch":
            rows = [Row(PERSON, milliseconds(clock.now()), 2)]
            services.store.batches.apply(Batch("b1", Scope.of_account("acme").entered_side), "1", rows)
    effects(services)
    assert audiences_of(services) == ([] if settings["remove_from_all_audiences"] else [NEWS, SALES])
    assert phones_of(services, PERSON) == ([] if settings["delete_opt_outs_from_contacts"] else [(PERSON,)])
    assert not services.consent.check(account_of(services), [PERSON])[0].allowed
    # A new file with the number: it never joins, and whether it is taken as a contact is the third setting.
    services.contacts.drop_numbers(account_of(services), [PERSON])
    services.store.audiences.leave_many([PERSON], "acme", [NEWS, SALES])
    assert take(services, PERSON) == "opted_out"
    assert audiences_of(services) == []
    assert phones_of(services, PERSON) == ([] if settings["enforce_global_opt_outs"] else [(PERSON,)])


def test_effects_may_be_repeated(services: Services) -> None:
    set_up(services, delete_opt_outs_from_contacts=True)
    take(services, PERSON, WORK)
    opt_out(services)
    entries = services.store.journal.entries(PERSON[-2:], "acme")
    for _ in range(3):
        services.opt_out_effects.follow("acme", list(entries))
    assert (audiences_of(services), phones_of(services, WORK)) == ([], [(WORK,)])
    assert services.store.audience_members.sizes("acme", [NEWS]) == {NEWS: 0}


def test_of_a_contact_with_several_phones_only_the_one_that_opted_out_goes(services: Services) -> None:
    set_up(services, delete_opt_outs_from_contacts=True)
    take(services, PERSON, WORK)
    services.audiences.add(account_of(services), NEWS, [WORK])
    opt_out(services)
    effects(services)
    assert phones_of(services, WORK) == [(WORK,)]
    assert (audiences_of(services, PERSON), audiences_of(services, WORK)) == ([], [NEWS])
    assert services.consent.check(account_of(services), [WORK])[0].allowed


def test_an_opt_out_from_one_audience_removes_from_that_one_and_deletes_nothing(services: Services) -> None:
    set_up(services, delete_opt_outs_from_contacts=True)
    take(services, PERSON)
    take(services, PERSON, audience=SALES)
    opt_out(services, audience=NEWS)
    effects(services)
    assert audiences_of(services) == [SALES]
    assert phones_of(services, PERSON) == [(PERSON,)]


def test_a_senders_block_reaches_the_audiences_of_that_sender_alone(services: Services) -> None:
    services.store.audience_records.save(AudienceRecord(NEWS, "acme", "News", SHORT_CODE))
    take(services, PERSON)
    take(services, PERSON, audience=SALES)
    opt_out(services, sender=SHORT_CODE)
    effects(services)
    assert audiences_of(services) == [SALES]


def test_a_block_for_calls_alone_changes_nothing_here(services: Services) -> None:
    take(services, PERSON)
    opt_out(services, channels=[Channel.VOICE])
    effects(services)
    assert audiences_of(services) == [NEWS]


def test_g8_a_stop_to_a_shared_short_code_reaches_every_account_on_it(services: Services, client: FlaskClient) -> None:
    """Seed 002: STOP to a short code takes the number out of all audience lists owned by all accounts of it."""
    for name in ("acme", "globex"):
        services.store.audience_records.save(AudienceRecord(NEWS, name, "News", SHORT_CODE))
        take(services, PERSON, account=name)
        take(services, WORK, account=name)
    take(services, PERSON, account="globex", audience=SALES)
    text(client, "STOP", To=SHORT_CODE)
    effects(services)
    assert audiences_of(services) == []
    assert audiences_of(services, account="globex") == [SALES]
    assert services.store.audience_members.sizes("globex", [NEWS]) == {NEWS: 1}


def test_g8_one_accounts_opt_out_leaves_the_others_people_alone(services: Services) -> None:
    set_up(services, "globex", delete_opt_outs_from_contacts=True)
    take(services, PERSON)
    take(services, PERSON, account="globex")
    opt_out(services)
    effects(services)
    assert audiences_of(services) == []
    assert audiences_of(services, account="globex") == [NEWS]
    assert phones_of(services, PERSON, "globex") == [(PERSON,)]


def test_the_operators_block_reaches_everybody(services: Services) -> None:
    take(services, PERSON)
    take(services, PERSON, account="globex")
    services.consent.block_everywhere(PERSON, actor="operator", note="court order")
    effects(services)
    assert audiences_of(services) == audiences_of(services, account="globex") == []


def test_lifting_brings_nobody_back_into_anything(services: Services, clock: FakeClock) -> None:
    take(services, PERSON)
    opt_out(services, source=Source.ADMIN)
    effects(services)
    clock.sleep(60)
    lift(services)
    effects(services)
    assert audiences_of(services) == []
    assert take(services, PERSON) == "updated"
    effects(services)
    assert audiences_of(services) == [NEWS]


def test_whoever_came_back_before_the_effects_were_done_is_left_alone(services: Services, clock: FakeClock) -> None:
    set_up(services, delete_opt_outs_from_contacts=True)
    take(services, PERSON)
    opt_out(services, source=Source.ADMIN)
    clock.sleep(60)
    lift(services)
    effects(services)
    assert audiences_of(services) == [NEWS]
    assert phones_of(services, PERSON) == [(PERSON,)]


Api = Callable[..., Any]


def send(api: Api, to: str = PERSON, sender: str = "+12025550177", **more: Any) -> str:
    status, answer = api("POST", "/messages", {"from": sender, "to": to, "body": "Hello", **more}, role="send")
    assert status == 202
    return str(answer["id"])


def test_g9_a_queued_text_is_stopped_at_once_with_its_reason(services: Services, api: Api) -> None:
    waiting, other = send(api), send(api, WORK)
    opt_out(services)
    effects(services)
    _, stopped = api("GET", f"/messages/{waiting}")
    assert (stopped["status"], stopped["reason"]) == ("suppressed", "opted_out")
    assert stopped["blocked_by"]["source"] == "keyword"
    assert services.outbound.hand_over(waiting) == "done"
    assert api("GET", f"/messages/{other}")[1]["status"] == "queued"


def test_a_text_from_a_sender_that_may_go_on_is_left_in_the_queue(services: Services, api: Api) -> None:
    waiting = send(api)
    opt_out(services, sender=SHORT_CODE)
    effects(services)
    assert api("GET", f"/messages/{waiting}")[1]["status"] == "queued"


def test_g4_the_confirmation_of_the_opt_out_itself_is_not_stopped(
    services: Services, client: FlaskClient, send_jobs: Callable[[], list[str]]
) -> None:
    text(client, "STOP")
    effects(services)
    assert send_jobs() == ["accepted"]


def subscribe(services: Services, sender: str = "+12025550100") -> str:
    services.audiences.create(account_of(services), NEWS, name="", sender="")
    done = services.subscriptions.subscribe(account_of(services), PERSON, NEWS, sender=sender, actor="ann")
    return done.status


def test_an_opt_out_closes_an_open_question_to_join(services: Services, client: FlaskClient) -> None:
    set_up(services, stop_scope="sender")
    opt_out(services, source=Source.ADMIN, audience=NEWS)
    effects(services)
    assert subscribe(services) == "pending"
    effects(services)
    assert services.store.inbound.pending("+12025550100", PERSON) is not None
    opt_out(services)
    effects(services)
    assert services.store.inbound.pending("+12025550100", PERSON) is None


def test_a_question_that_was_asked_after_the_opt_out_stays_open(services: Services) -> None:
    opt_out(services)
    assert subscribe(services) == "pending"
    effects(services)
    assert services.store.inbound.pending("+12025550100", PERSON) is not None


@pytest.mark.parametrize(("answer", "left"), [("newsletter", [SALES]), ("whatever", []), (None, [])])
def test_us_11_who_is_asked_which_audience_was_meant_stays_in_the_others(
    services: Services, client: FlaskClient, clock: FakeClock, answer: str | None, left: list[str]
) -> None:
    set_up(services, clarify_opt_outs=True)
    take(services, PERSON)
    take(services, PERSON, audience=SALES)
    text(client, "STOP")
    effects(services)
    assert audiences_of(services) == [NEWS, SALES]
    assert not services.consent.check(account_of(services), [PERSON])[0].allowed
    if answer:
        clock.sleep(30)
        text(client, answer, MessageSid="SM" + "2" * 32)
    effects(services)
    clock.pass_time(timedelta(hours=2))
    for effect in services.store.outbox.claim_due(clock.now(), lease=timedelta(seconds=30), limit=100):
        kind, _, identifier = effect.partition(":")
        services.doers[kind](identifier)
    effects(services)
    assert audiences_of(services) == left
