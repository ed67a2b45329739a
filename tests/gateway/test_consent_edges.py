"""Corners of consent that a stranger found by trying: each was wrong once."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.services import Services
from store.consent import Change, Source
from store.scopes import Channel, Scope
from tests.conftest import FakeClock, Jobs
from tests.fake_twilio import FakeTwilio
from tests.webhooks import PERSON, STATUS, post, status_form, text

SERVICE = "MG00000000000000000000000000000001"
OURS, SHORT_CODE, SHARED = "+12025550100", "55555", "72975"


def sid(number: int) -> str:
    return f"SM{number:032x}"


def apply(services: Services, document: str) -> None:
    services.configuration.apply(services.configuration.plan(services.configuration.read(document)))
    services.store.directory.current(fresh=True)


def allowed(
    services: Services, account: str = "acme", sender: str | None = None, channel: Channel = Channel.TEXT
) -> bool:
    owner = services.store.directory.current().accounts[account]
    return services.consent.check(owner, [PERSON], sender=sender, channel=channel)[0].allowed


SHARED_SERVICE = """
[[accounts]]
id = "{id}"
name = "{id}"
[[accounts.senders]]
address = "MG00000000000000000000000000000001"
carrier = "twilio"
kind = "messaging_service"
"""


def test_g8_a_stop_to_a_number_of_a_shared_service_blocks_all_accounts_on_the_service(
    services: Services, client: FlaskClient, clock: FakeClock
) -> None:
    for name in ("acme", "globex"):
        apply(services, SHARED_SERVICE.format(id=name))
    text(client, "STOP", To="+12025559999", MessagingServiceSid=SERVICE, MessageSid=sid(1))
    assert [allowed(services, name, SERVICE) for name in ("acme", "globex")] == [False, False]
    clock.pass_time(timedelta(seconds=1))
    text(client, "START", To="+12025559999", MessagingServiceSid=SERVICE, MessageSid=sid(2))
    assert [allowed(services, name, SERVICE) for name in ("acme", "globex")] == [True, True]


def test_a_stop_to_an_unknown_number_of_an_unknown_service_is_found_by_whoever_gets_the_service(
    services: Services, client: FlaskClient
) -> None:
    text(client, "STOP", To="+12025559999", MessagingServiceSid="MG" + "f" * 32)
    apply(services, SHARED_SERVICE.format(id="globex").replace(SERVICE, "MG" + "f" * 32))
    assert not allowed(services, "globex", "MG" + "f" * 32)


def test_g8_no_account_switches_off_a_word_for_the_others_on_a_shared_sender(
    services: Services, client: FlaskClient, api: Any
) -> None:
    assert api("PUT", "/keywords/en.opt_out.stop", {"on": False, "understood": True})[0] == 200
    text(client, "STOP", To=SHARED)
    assert not allowed(services, "globex", SHARED)


def test_g5_a_reviewer_cannot_take_back_free_words_that_only_repeated_a_stop(
    services: Services, client: FlaskClient, api: Any, clock: FakeClock
) -> None:
    text(client, "STOP", MessageSid=sid(1))
    clock.pass_time(timedelta(seconds=1))
    text(client, "please stop texting me", MessageSid=sid(2))
    assert api("GET", "/reviews")[1]["items"] == []
    assert not allowed(services)


def test_g7_a_21610_that_is_reported_again_after_a_start_does_not_block_again(
    services: Services, client: FlaskClient, api: Any, send_jobs: Jobs, clock: FakeClock
) -> None:
    _, taken = api("POST", "/messages", {"from": OURS, "to": PERSON, "body": "Hello"})
    send_jobs()
    clock.pass_time(timedelta(seconds=5))
    form = status_form("failed", sid(1), code="21610")
    post(client, f"{STATUS}?m={taken['id']}", form)
    assert not allowed(services, sender=OURS)
    clock.pass_time(timedelta(seconds=5))
    text(client, "START", MessageSid=sid(2))
    assert allowed(services, sender=OURS)
    clock.pass_time(timedelta(seconds=5))
    post(client, f"{STATUS}?m={taken['id']}", form)
    assert allowed(services, sender=OURS)


@pytest.mark.parametrize(
    ("sender", "service", "code", "accounts"),
    [
        (OURS, "", "21610", {"acme"}),
        (SHARED, "", "21610", {"acme", "globex"}),
        ("+12025559999", SERVICE, "21610", {"acme"}),
        ("+18005550199", "", "30004", {"acme"}),
        (OURS, "", "30004", set()),
        (OURS, "", "30006", set()),
        ("+12025559999", "", "21610", set()),
        ("+12025550177", "", "21610", set()),
    ],
)
def test_a_21610_for_a_text_nobody_knows_opts_the_person_out_of_that_sender_for_all_accounts_on_it(
    services: Services, client: FlaskClient, sender: str, service: str, code: str, accounts: set[str]
) -> None:
    """Behaviour 40 and TF-4: another program texted through the same carrier; +12025550177 is another carrier's."""
    form = status_form("failed", sid(9), sender=sender, code=code) | (
        {"MessagingServiceSid": service} if service else {}
    )
    assert post(client, STATUS, form).status_code == 204
    blocked = {}
    for name, owner in services.store.directory.current().accounts.items():
        for block in services.consent.blocks(owner, PERSON):
            blocked[name] = block.source, block.channel, block.scope
    texted = service or sender
    assert blocked == {name: (Source.CARRIER, Channel.TEXT, Scope.of_account_sender(name, texted)) for name in accounts}


@pytest.mark.parametrize("query", ["", "?m=m00unknown"])
def test_g7_a_21610_for_a_text_nobody_knows_that_is_repeated_after_a_start_does_not_block_again(
    services: Services, client: FlaskClient, clock: FakeClock, query: str
) -> None:
    form = status_form("failed", sid(9), code="21610")
    post(client, STATUS + query, form)
    clock.pass_time(timedelta(seconds=5))
    text(client, "START", MessageSid=sid(2))
    assert allowed(services, sender=OURS)
    clock.pass_time(timedelta(seconds=5))
    post(client, STATUS + query, form)
    assert allowed(services, sender=OURS)


def test_an_accounts_own_reply_on_a_shared_sender_is_stopped_by_that_accounts_blocks(
    services: Services, client: FlaskClient, api: Any, send_jobs: Jobs
) -> None:
    api("PUT", f"/opt-outs/{PERSON}", {})
    text(client, "HOURS", To=SHARED)
    assert send_jobs() == ["suppressed"]


def test_a_reply_from_a_number_of_a_service_is_stopped_by_a_block_of_the_service(
    services: Services, client: FlaskClient, api: Any, send_jobs: Jobs
) -> None:
    api("PUT", f"/opt-outs/{PERSON}", {"sender": SERVICE})
    text(client, "HOURS", To="+12025550188", MessagingServiceSid=SERVICE)
    assert send_jobs() == ["suppressed"]


@pytest.mark.parametrize("when", ["1960-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "1992-12-02T00:00:00Z"])
def test_a_date_before_there_were_texts_is_refused_and_harms_nothing(api: Any, when: str) -> None:
    status, answer = api("PUT", f"/opt-outs/{PERSON}", {"occurred_at": when})
    assert (status, answer["code"]) == (422, "too_long_ago")
    assert api("POST", "/opt-outs/check", {"numbers": [PERSON]})[1]["results"][0]["allowed"]


def test_who_told_one_sender_to_stop_is_not_called_whatever_the_dialer_asks(
    services: Services, client: FlaskClient
) -> None:
    text(client, "STOP", To=SHARED)
    assert not allowed(services, channel=Channel.VOICE)
    assert allowed(services)  # texts from other senders are another question


def test_g4_a_new_opt_out_is_confirmed_also_when_the_person_came_back_through_another_sender(
    client: FlaskClient, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    for number, (sender, body) in enumerate(((OURS, "STOP"), (SHORT_CODE, "START"), (OURS, "STOP"))):
        clock.pass_time(timedelta(seconds=1))
        text(client, body, To=sender, MessageSid=sid(number))
        send_jobs()
    assert sum("unsubscribed" in body for body in fake_twilio.bodies()) == 2


def test_g4_the_loop_guard_never_eats_the_confirmation_of_a_new_opt_out(
    client: FlaskClient, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    for number in range(7):
        text(client, "HELP", MessageSid=sid(number))
    text(client, "STOP", MessageSid=sid(99))
    send_jobs()
    assert "unsubscribed" in " ".join(fake_twilio.bodies())


def test_a_confirmed_opt_in_leaves_what_the_carrier_blocks_and_claims_nothing(
    services: Services, client: FlaskClient, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    apply(services, DOCUMENT)
    scope = Scope.of_account_sender("acme", OURS)
    carrier = Change("opt_out", scope, "acme", Source.CARRIER, (Channel.TEXT,))
    services.store.consent.apply(PERSON, [carrier], occurred_at=clock.now(), detail={})
    for number, body in enumerate(("NEWS", "Y")):
        clock.pass_time(timedelta(seconds=1))
        text(client, body, MessageSid=sid(number))
        send_jobs()
    assert not allowed(services, sender=OURS)
    assert "You get news now" not in " ".join(fake_twilio.bodies())


DOCUMENT = """
[[accounts]]
id = "acme"
name = "Acme"
senders = [
    { address = "+12025550100", carrier = "twilio", kind = "long_code", keywords_handled_by = "gateway" },
    { address = "+15005550006", carrier = "twilio", kind = "long_code", keywords_handled_by = "carrier" },
    { address = "+18005550199", carrier = "twilio", kind = "toll_free" },
]
[[accounts.keywords]]
word = "NEWS"
action = "join"
audience = "news"
"""


def test_the_carriers_own_yes_is_answered_by_the_carrier_alone(
    services: Services, client: FlaskClient, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    apply(services, DOCUMENT)
    for number, body in enumerate(("STOP", "NEWS", "YES")):
        clock.pass_time(timedelta(seconds=1))
        text(client, body, To="+15005550006", MessageSid=sid(number))
        send_jobs()
    assert [body for body in fake_twilio.bodies() if "You get news" in body] == []
    assert services.store.audiences.memberships(PERSON, "acme", ["news"]) == ["news"]


def test_tf_1_a_toll_free_sender_opens_no_question_that_its_network_would_not_let_through(
    services: Services, client: FlaskClient, clock: FakeClock, send_jobs: Jobs
) -> None:
    apply(services, DOCUMENT)
    for number, body in enumerate(("STOP", "NEWS", "Y")):
        clock.pass_time(timedelta(seconds=1))
        text(client, body, To="+18005550199", MessageSid=sid(number))
        assert send_jobs() == []
    assert not allowed(services, sender="+18005550199")


def test_the_refusal_names_the_sender_that_was_texted_and_its_kinds_word(api: Any, client: FlaskClient) -> None:
    text(client, "STOP", To="+18005550199")
    _, answer = api("DELETE", f"/opt-outs/{PERSON}")
    assert (answer["word"], answer["text_to"]) == ("UNSTOP", "+18005550199")


def test_nobody_is_welcomed_back_whose_texts_are_refused_still(
    services: Services, client: FlaskClient, api: Any, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    api("PUT", f"/opt-outs/{PERSON}", {"sender": OURS})
    for number, body in enumerate(("STOP", "START")):
        clock.pass_time(timedelta(seconds=1))
        text(client, body, MessageSid=sid(number))
        send_jobs()
    assert not allowed(services, sender=OURS)
    assert "subscribed again" not in " ".join(fake_twilio.bodies())


def test_an_audience_that_a_request_names_is_known_from_then_on(api: Any, clock: FakeClock) -> None:
    _, answer = api("PUT", f"/opt-outs/{PERSON}", {"audience": "vip"})
    assert answer["opted_out"]
    clock.pass_time(timedelta(seconds=1))
    assert (
        api("DELETE", f"/opt-outs/{PERSON}")[1]["changes"] == [{"scope": "account+audience", "outcome": "lifted"}] * 1
    )
    assert not api("GET", f"/opt-outs/{PERSON}")[1]["opted_out"]


def test_held_texts_are_counted_and_listed_before_opt_outs_that_may_be_taken_back(
    services: Services, client: FlaskClient, api: Any, clock: FakeClock
) -> None:
    for number in range(60):
        text(client, "please stop texting me", From=f"+1415555{number:04d}", MessageSid=sid(number))
    clock.pass_time(timedelta(minutes=1))
    text(client, "wrong number", MessageSid=sid(999))
    items = api("GET", "/reviews?limit=10")[1]["items"]
    assert (len(items), items[0]["state"], items[0]["text"]) == (10, "held", "wrong number")
    (load,) = [load for load in services.reviews.load() if load.account == "acme"]
    assert load.held == 1


def test_switches_that_are_set_at_the_same_time_are_all_kept(services: Services, environment: dict[str, str]) -> None:
    rules = ["en.opt_out.stop", "en.opt_out.end", "en.opt_out.quit", "en.opt_out.cancel", "en.opt_out.revoke"]
    acme = services.store.directory.current().accounts["acme"]
    barrier = threading.Barrier(len(rules))

    def switch(rule: str) -> None:
        barrier.wait()
        services.keyword_switches.switch(acme, rule, on=False, sender=None, understood=True, actor="operator")

    threads = [threading.Thread(target=switch, args=(rule,)) for rule in rules]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(services.store.directory.current(fresh=True).accounts["acme"].keywords_off) == set(rules)


def test_unrouted_texts_are_paged_and_a_repeated_delivery_is_there_once(
    services: Services, client: FlaskClient
) -> None:
    for _ in range(3):
        text(client, "hello", To="+12025559999", MessageSid=sid(1))
    for number in range(1100):
        services.store.inbound.keep_unrouted(
            {"carrier": "twilio", "carrier_id": f"SM{number}", "sender": "+12025558888", "address": PERSON,
             "body": "x", "received_at": "2026-11-22T12:00:00+00:00"}
        )  # fmt: skip
    text(client, "STOP", To="+12025557777", MessageSid=sid(2))
    assert len(list(services.routing.waiting())) == 1102
    apply(
        services,
        SHARED_SERVICE.format(id="late").replace(SERVICE, "+12025557777").replace("messaging_service", "long_code"),
    )
    assert services.routing.replay()[0] == 1


def test_a_question_that_is_open_is_not_asked_again(
    services: Services, client: FlaskClient, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio
) -> None:
    apply(services, DOCUMENT)
    for number, body in enumerate(("STOP", "NEWS", "NEWS", "news")):
        clock.pass_time(timedelta(seconds=1))
        text(client, body, MessageSid=sid(number))
        send_jobs()
    assert sum("Reply Y" in body for body in fake_twilio.bodies()) == 1


@pytest.mark.parametrize("order", [("PUT", "STOP"), ("STOP", "PUT")])
def test_g5_start_lifts_only_what_the_person_said_and_a_do_not_call_from_the_phone_stays(
    services: Services, client: FlaskClient, api: Any, clock: FakeClock, order: tuple[str, str]
) -> None:
    for number, what in enumerate((*order, "START")):
        clock.pass_time(timedelta(seconds=1))
        if what == "PUT":
            api("PUT", f"/opt-outs/{PERSON}", {"channels": ["voice"], "note": "said on the phone"})
        else:
            text(client, what, MessageSid=sid(number))
    assert allowed(services)
    assert not allowed(services, channel=Channel.VOICE)
    clock.pass_time(timedelta(seconds=1))
    assert api("DELETE", f"/opt-outs/{PERSON}")[0] == 200
    assert allowed(services, channel=Channel.VOICE)


def test_g8_a_confirmed_opt_in_to_one_account_lifts_nothing_of_another(
    services: Services, client: FlaskClient, api: Any, clock: FakeClock
) -> None:
    api("PUT", f"/opt-outs/{PERSON}", {}, account="globex")
    api("POST", "/audiences", {"id": "news"})
    assert api("POST", "/subscriptions", {"number": PERSON, "audience": "news", "from": SHARED})[0] == 200
    for number, body in enumerate(("STOP", "START")):
        clock.pass_time(timedelta(seconds=1))
        text(client, body, To=SHARED, MessageSid=sid(number))
    assert not allowed(services, "globex", SHARED)
    assert allowed(services, "acme", SHARED)


def test_a_stop_reaches_the_audience_last_texted_when_the_account_says_so(
    services: Services, client: FlaskClient, api: Any, clock: FakeClock, send_jobs: Jobs
) -> None:
    settings = '[accounts.settings]\nstop_scope = "audience"\nrevoke_all_from = ""\n[[accounts.keywords]]'
    apply(services, DOCUMENT.replace("[[accounts.keywords]]", settings, 1))
    api("POST", "/messages", {"from": OURS, "to": PERSON, "body": "News", "audience": "news"})
    send_jobs()
    clock.pass_time(timedelta(minutes=1))
    text(client, "STOP")
    assert api("POST", "/messages", {"from": OURS, "to": PERSON, "body": "News", "audience": "news"})[0] == 409
    assert api("POST", "/messages", {"from": OURS, "to": PERSON, "body": "Your order is ready"})[0] == 202


def test_a_stop_from_somebody_who_was_texted_for_no_audience_reaches_the_account(
    services: Services, client: FlaskClient
) -> None:
    apply(
        services,
        DOCUMENT.replace(
            "[[accounts.keywords]]", '[accounts.settings]\nstop_scope = "audience"\n[[accounts.keywords]]', 1
        ),
    )
    text(client, "STOP")
    assert not allowed(services)
