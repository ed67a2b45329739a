"""A text comes in over HTTP, signed, and everything that follows from it."""

import threading
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from gateway.app import create_app
from gateway.services import Services
from store.consent import JournalEntry, Source
from store.scopes import Channel, Scope
from tests.conftest import FakeClock, Jobs
from tests.fake_twilio import FakeTwilio
from tests.webhooks import PERSON, text

ACCOUNT = Scope.of_account("acme")


def sid(number: int) -> str:
    return f"SM{number:032x}"


def blocks(services: Services, address: str = PERSON, account: str = "acme") -> list[tuple[str, str, str]]:
    found = services.consent.blocks(services.store.directory.current().accounts[account], address)
    return [(b.scope.kind.value, b.channel.value, b.source.label if b.source else "") for b in found]


def journal(services: Services, address: str = PERSON, account: str = "acme") -> list[JournalEntry]:
    return list(services.consent.explain(services.store.directory.current().accounts[account], address).journal)


def test_a_stop_blocks_text_and_voice_for_the_account_and_is_answered_with_empty_twiml(
    services: Services, client: FlaskClient
) -> None:
    response = text(client, "STOP")
    assert response.status_code == 200
    assert response.content_type == "text/xml; charset=utf-8"
    assert response.get_data(as_text=True) == "<Response></Response>"
    assert blocks(services) == [("account", "text", "keyword"), ("account", "voice", "keyword")]


def test_g6_the_journal_tells_who_when_by_which_words_and_which_rule(services: Services, client: FlaskClient) -> None:
    text(client, " Stop ")
    (entry,) = journal(services)
    assert (entry.kind, entry.outcome, entry.source, entry.number) == ("opt_out", "opted_out", "keyword", PERSON)
    assert entry.occurred_at == services.clock.now()
    assert entry.detail["text"] == " Stop "
    assert entry.detail["sender"] == "+12025550100"
    assert entry.detail["carrier_id"] == "SM" + "1" * 32
    assert entry.detail["rule"]


def test_g4_a_stop_gets_one_confirmation_that_passes_the_gate_by_its_permit(
    services: Services, client: FlaskClient, fake_twilio: FakeTwilio, send_jobs: Jobs
) -> None:
    text(client, "STOP")
    assert send_jobs() == ["accepted"]
    (message,) = fake_twilio.sent
    assert message["Body"].startswith("Acme: ")
    assert (message["To"], message["From"]) == (PERSON, "+12025550100")
    assert message["ValidityPeriod"] == "300"
    assert send_jobs() == []


def test_g4_a_second_stop_is_recorded_and_gets_no_second_confirmation_for_a_day(
    services: Services,
    client: FlaskClient,
    clock: FakeClock,
    send_jobs: Jobs,
    fake_twilio: FakeTwilio,
) -> None:
    text(client, "STOP", MessageSid=sid(1))
    send_jobs()
    clock.pass_time(timedelta(hours=1))
    text(client, "STOP", MessageSid=sid(2))
    send_jobs()
    assert len(fake_twilio.sent) == 1
    assert [entry.outcome for entry in journal(services)] == ["opted_out", "refreshed"]


def test_a_new_opt_out_after_coming_back_is_confirmed_again(
    client: FlaskClient, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    for number, body in enumerate(("STOP", "START", "STOP"), start=1):
        text(client, body, MessageSid=sid(number))
        send_jobs()
        clock.pass_time(timedelta(minutes=1))
    assert [body.split(".")[0].split(": ")[1] for body in fake_twilio.bodies()] == [
        "You are unsubscribed and will get no more messages",
        "You are subscribed again",
        "You are unsubscribed and will get no more messages",
    ]


def test_g4_us_10_a_confirmation_that_is_five_minutes_late_is_not_sent(
    client: FlaskClient, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    text(client, "STOP")
    clock.pass_time(timedelta(minutes=5, seconds=1))
    assert send_jobs() == ["expired"]
    assert fake_twilio.sent == []


def test_g3_the_same_text_ten_times_at_once_is_one_change_one_entry_one_reply(
    services: Services, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    app = create_app(services)
    answers: list[int] = []
    barrier = threading.Barrier(10)

    def deliver() -> None:
        barrier.wait()
        answers.append(text(app.test_client(), "STOP").status_code)

    threads = [threading.Thread(target=deliver) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 10
    assert len(journal(services)) == 1
    send_jobs()
    assert len(fake_twilio.sent) == 1
    counters = services.store.health.counters()
    assert (counters["inbound_opt_out"], counters["inbound_duplicate"]) == (1, 9)


@pytest.mark.parametrize("word", ["START", "UNSTOP", "start"])
def test_g5_the_person_comes_back_by_their_own_word(
    services: Services, client: FlaskClient, clock: FakeClock, word: str
) -> None:
    text(client, "STOP", MessageSid=sid(1))
    clock.pass_time(timedelta(seconds=1))
    text(client, word, MessageSid=sid(2))
    assert blocks(services) == []


@pytest.mark.parametrize("body", ["hello again", "yes i will vote", "", "thanks"])
def test_g5_ordinary_texts_never_lift_a_stop(
    services: Services, client: FlaskClient, clock: FakeClock, body: str
) -> None:
    """Behaviour 24."""
    text(client, "STOP", MessageSid=sid(1))
    clock.pass_time(timedelta(seconds=1))
    text(client, body, MessageSid=sid(2))
    assert len(blocks(services)) == 2


def test_start_from_somebody_who_never_stopped_changes_nothing_and_says_nothing(
    services: Services, client: FlaskClient, send_jobs: Jobs
) -> None:
    """Behaviour 23."""
    text(client, "START")
    assert blocks(services) == []
    assert send_jobs() == []


def test_g5_start_does_not_lift_what_an_import_or_a_program_entered(
    services: Services, client: FlaskClient, clock: FakeClock
) -> None:
    acme = services.store.directory.current().accounts["acme"]
    services.consent.opt_out(acme, PERSON, source=Source.IMPORT, actor="test", channels=(Channel.TEXT,))
    clock.pass_time(timedelta(seconds=1))
    text(client, "START")
    assert blocks(services) == [("account", "text", "import")]


def test_help_is_answered_also_to_somebody_who_opted_out(
    client: FlaskClient, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    """SC-4."""
    text(client, "STOP", MessageSid=sid(1))
    text(client, "HELP", MessageSid=sid(2))
    send_jobs()
    assert len(fake_twilio.sent) == 2


def test_an_accounts_own_word_gets_its_reply_but_not_past_an_opt_out(
    client: FlaskClient, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    text(client, "hours", MessageSid=sid(1))
    assert send_jobs() == ["accepted"]
    text(client, "STOP", MessageSid=sid(2))
    text(client, "HOURS", MessageSid=sid(3))
    assert sorted(send_jobs()) == ["accepted", "suppressed"]
    assert fake_twilio.bodies()[0] == "Acme: open 9 to 7."


@pytest.mark.parametrize(
    ("sender", "body", "extra", "replies"),
    [
        ("+12025550100", "STOP", {}, 1),
        ("+15005550006", "STOP", {}, 0),
        ("+15005550006", "stop ", {}, 0),
        ("+15005550006", "REVOKE", {}, 0),
        ("+15005550006", "HELP", {}, 0),
        ("+18005550199", "STOP", {}, 0),
        ("55555", "STOP", {}, 1),
        ("55555", "HELP", {}, 1),
        ("MG", "stop", {"OptOutType": "STOP"}, 0),
        ("MG", "help", {"OptOutType": "HELP"}, 0),
    ],
)
def test_g4_exactly_one_party_answers(
    client: FlaskClient,
    send_jobs: Jobs,
    sender: str,
    body: str,
    extra: dict[str, str],
    replies: int,
) -> None:
    """Behaviour 26 and 27: nobody gets two confirmations, nor none."""
    if sender == "MG":
        extra = {**extra, "MessagingServiceSid": "MG00000000000000000000000000000001"}
        sender = "+12025550188"
    text(client, body, To=sender, **extra)
    assert len(send_jobs()) == replies


def test_what_the_carrier_decided_is_trusted_over_our_own_reading(services: Services, client: FlaskClient) -> None:
    service = "MG00000000000000000000000000000001"
    text(client, "ALTO YA", To="+12025550188", MessagingServiceSid=service, OptOutType="STOP")
    assert blocks(services) == [
        ("account", "text", "keyword"),
        ("account+sender", "text", "carrier"),
        ("account", "voice", "keyword"),
    ]


@pytest.mark.parametrize(
    ("person", "answered"),
    [
        ("72990", False),
        ("BANK", False),
        ("+999123456789", True),
        ("whatsapp:+14155550100", False),
        ("+1 (415) 555-0100", True),
    ],
)
def test_a_stop_counts_from_every_kind_of_address_and_machines_are_not_answered(
    services: Services, client: FlaskClient, send_jobs: Jobs, person: str, answered: bool
) -> None:
    """Behaviour 6, 7, 18, 33."""
    assert text(client, "STOP", From=person).status_code == 200
    address = "+14155550100" if "415" in person else person
    assert blocks(services, address)[0] == ("account", "text", "keyword")
    assert bool(send_jobs()) == answered


def test_bots_that_answer_each_other_are_cut_off_after_five_replies(
    client: FlaskClient, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    """Behaviour 31."""
    for number in range(8):
        text(client, "HELP", MessageSid=sid(number))
        clock.pass_time(timedelta(seconds=10))
    send_jobs()
    assert len(fake_twilio.sent) == 5


def test_a_text_to_a_sender_nobody_has_is_kept_and_its_stop_blocks_that_sender(
    services: Services, client: FlaskClient, send_jobs: Jobs
) -> None:
    """Behaviour 8."""
    assert text(client, "STOP", To="+12025559999").status_code == 200
    held = services.store.consent.blocks(PERSON, [Scope.of_sender("+12025559999")])
    assert [block.scope.key for block in held] == ["s/+12025559999"]
    ((_, kept),) = services.store.client.xrange("{config}:unrouted")
    assert (kept[b"address"], kept[b"body"]) == (PERSON.encode(), b"STOP")
    assert send_jobs() == []


def test_g8_a_stop_to_a_shared_sender_blocks_all_accounts_on_it_and_shows_neither_the_others_journal(
    services: Services, client: FlaskClient
) -> None:
    text(client, "STOP", To="72975")
    for account in ("acme", "globex"):
        owner = services.store.directory.current().accounts[account]
        (result,) = services.consent.check(owner, [PERSON], sender="72975")
        assert (result.allowed, result.block.scope.kind.value if result.block else "") == (False, "sender")
        (entry,) = services.consent.explain(owner, PERSON).journal
        assert set(entry.detail) == {"sender", "rule"}  # that and when, not the words
    acme = services.store.directory.current().accounts["acme"]
    assert services.consent.check(acme, [PERSON], sender="55555")[0].allowed


def test_g8_a_stop_to_one_account_leaves_the_other_alone(services: Services, client: FlaskClient) -> None:
    """Behaviour 39."""
    text(client, "STOP", To="+12025550100")
    assert blocks(services, account="globex") == []


def test_with_automated_opt_outs_off_a_stop_is_held_for_a_person_and_never_ignored(
    services: Services, client: FlaskClient
) -> None:
    services.configuration.apply(
        services.configuration.plan(
            services.configuration.read(
                '[[accounts]]\nid = "acme"\nname = "Acme"\n[accounts.settings]\nautomated_opt_outs = false\n'
                '[[accounts.senders]]\naddress = "+12025550100"\ncarrier = "twilio"\nkind = "long_code"\n'
            )
        )
    )
    services.store.directory.current(fresh=True)
    text(client, "STOP")
    assert blocks(services) == []
    assert services.store.consent.is_held(PERSON, "acme")


def test_the_setting_text_stop_blocks_voice_leaves_calls_open_when_it_is_off(
    services: Services, client: FlaskClient
) -> None:
    services.configuration.apply(
        services.configuration.plan(
            services.configuration.read(
                '[[accounts]]\nid = "acme"\nname = "Acme"\n'
                '[accounts.settings]\ntext_stop_blocks_voice = false\nstop_scope = "sender"\n'
                '[[accounts.senders]]\naddress = "+12025550100"\ncarrier = "twilio"\nkind = "long_code"\n'
            )
        )
    )
    services.store.directory.current(fresh=True)
    text(client, "STOP")
    assert blocks(services) == [("account+sender", "text", "keyword")]


@pytest.mark.parametrize("media", ["1", "2"])
def test_a_stop_with_pictures_is_a_stop_and_pictures_alone_are_not(
    services: Services, client: FlaskClient, media: str
) -> None:
    """Behaviour 9 and 10."""
    assert text(client, None, NumMedia=media, MessageSid=sid(1)).status_code == 200
    assert blocks(services) == []
    assert text(client, "STOP", NumMedia=media, MessageSid=sid(2)).status_code == 200
    assert len(blocks(services)) == 2
