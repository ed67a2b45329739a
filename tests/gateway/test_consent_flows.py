"""Joining, confirming, narrowing, switching off: the flows that take more than one text."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.services import Services
from tests.conftest import FakeClock, Jobs
from tests.fake_twilio import FakeTwilio
from tests.webhooks import PERSON, text

SENDER = "+12025550100"
ACCOUNT = """
[[accounts]]
id = "acme"
name = "Acme"
{account}
[accounts.settings]
{settings}
[[accounts.senders]]
address = "+12025550100"
carrier = "twilio"
kind = "long_code"
keywords_handled_by = "gateway"
{sender}
[[accounts.keywords]]
word = "NEWS"
action = "join"
audience = "news"
[[accounts.keywords]]
word = "OFFERS"
action = "join"
audience = "offers"
"""


def configure(services: Services, settings: str = "", account: str = "", sender: str = "") -> None:
    document = ACCOUNT.format(settings=settings, account=account, sender=sender)
    services.configuration.apply(services.configuration.plan(services.configuration.read(document)))
    services.store.directory.current(fresh=True)


class Person:
    """Somebody who texts one thing after the other."""

    def __init__(
        self, client: FlaskClient, clock: FakeClock, send_jobs: Jobs, fake: FakeTwilio, services: Services
    ) -> None:
        self._client, self._clock, self._send_jobs, self._fake, self._services = (
            client,
            clock,
            send_jobs,
            fake,
            services,
        )
        self._number = 0

    def says(self, body: str, after: timedelta = timedelta(seconds=1)) -> list[str]:
        """Text, and get the replies."""
        self._clock.pass_time(after)
        self._number += 1
        before = len(self._fake.sent)
        assert text(self._client, body, To=SENDER, MessageSid=f"SM{self._number:032x}").status_code == 200
        self._send_jobs()
        return self._fake.bodies()[before:]

    def may_get(self, audience: str | None = None) -> bool:
        acme = self._services.store.directory.current().accounts["acme"]
        return self._services.consent.check(acme, [PERSON], sender=SENDER, audience=audience)[0].allowed

    def audiences(self) -> list[str]:
        return self._services.store.audiences.memberships(PERSON, "acme", ["news", "offers"])


@pytest.fixture
def person(
    client: FlaskClient, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio, services: Services
) -> Person:
    configure(services)
    return Person(client, clock, send_jobs, fake_twilio, services)


def test_a_join_word_joins_at_once_and_a_second_one_is_answered_politely_and_changes_nothing(person: Person) -> None:
    assert "You get news now" in person.says("NEWS")[0]
    assert person.audiences() == ["news"]
    assert "already" in person.says("news")[0]
    assert person.audiences() == ["news"]


def test_g5_a_join_word_from_somebody_who_opted_out_asks_once_and_joins_only_on_the_confirming_word(
    person: Person,
) -> None:
    person.says("STOP")
    assert "Reply Y to get news" in person.says("NEWS")[0]
    assert not person.may_get("news")
    assert person.audiences() == []
    assert "You get news now" in person.says("Y")[0]
    assert person.may_get("news")
    assert person.audiences() == ["news"]


@pytest.mark.parametrize("answer", ["no", "maybe later", "what?", "STOP"])
def test_any_other_answer_leaves_the_opt_out_as_it_is(person: Person, answer: str) -> None:
    person.says("STOP")
    person.says("NEWS")
    person.says(answer)
    assert not person.may_get("news")
    assert person.audiences() == []


def test_an_unconfirmed_question_expires(person: Person) -> None:
    person.says("STOP")
    person.says("NEWS")
    # The window of the question is the store's own time to live; here it is ended by hand.
    store = person._services.store
    store.client.delete(f"{{00}}:pending:{SENDER}:{PERSON}")
    assert person.says("Y", after=timedelta(hours=25)) == []
    assert not person.may_get("news")


def test_a_stop_closes_an_open_question(person: Person) -> None:
    person.says("STOP")
    person.says("NEWS")
    person.says("STOP")
    person.says("Y")
    assert not person.may_get("news")


def test_ct_7_with_double_opt_in_always_everybody_is_asked(person: Person, services: Services) -> None:
    configure(services, 'double_opt_in = "always"')
    assert "Reply Y" in person.says("NEWS")[0]
    assert person.audiences() == []
    person.says("yes")
    assert person.audiences() == ["news"]


def test_a_confirmed_opt_in_lifts_also_what_an_import_entered(person: Person, api: Any) -> None:
    api("PUT", f"/opt-outs/{PERSON}", {})
    assert "Reply Y" in person.says("NEWS")[0]
    person.says("Y")
    assert person.may_get("news")


def test_a_program_subscribes_and_somebody_who_opted_out_has_to_confirm_by_text(person: Person, api: Any) -> None:
    """Seed 002."""
    body = {"number": PERSON, "audience": "news", "from": SENDER}
    assert api("POST", "/subscriptions", body)[1]["status"] == "joined"
    assert api("POST", "/subscriptions", body)[1]["status"] == "already_member"
    assert api("DELETE", f"/subscriptions?number=%2B{PERSON[1:]}&audience=news")[1]["status"] == "left"
    person.says("STOP")
    status, answer = api("POST", "/subscriptions", body)
    assert (status, answer["status"], answer["word"], answer["text_to"]) == (202, "pending", "NEWS", SENDER)
    person.says("yes")  # nobody asked them anything: this is about something else
    assert not person.may_get("news")
    person.says("News")
    assert person.may_get("news")
    assert person.audiences() == ["news"]


def test_us_11_everything_is_blocked_first_and_an_answer_narrows_it(person: Person, services: Services) -> None:
    configure(services, "clarify_opt_outs = true")
    person.says("NEWS")
    person.says("OFFERS")
    (confirmation,) = person.says("STOP")
    assert "reply one of: NEWS, OFFERS" in confirmation
    assert not person.may_get("news")
    assert not person.may_get("offers")
    assert person.says("offers") == []  # the one confirmation is spent (US-9)
    assert person.may_get("news")
    assert not person.may_get("offers")


def test_us_11_silence_and_anything_unclear_mean_all(person: Person, services: Services) -> None:
    configure(services, "clarify_opt_outs = true")
    person.says("NEWS")
    person.says("OFFERS")
    person.says("STOP")
    person.says("hm")
    assert not person.may_get("news")
    assert not person.may_get()


def test_us_11_somebody_in_one_audience_is_not_asked(person: Person, services: Services) -> None:
    configure(services, "clarify_opt_outs = true")
    person.says("NEWS")
    assert "reply one of" not in person.says("STOP")[0]


def test_start_lifts_what_was_narrowed_to_an_audience(person: Person, services: Services) -> None:
    configure(services, "clarify_opt_outs = true")
    for body in ("NEWS", "OFFERS", "STOP", "offers", "START"):
        person.says(body)
    assert person.may_get("offers")


@pytest.mark.parametrize(
    ("day", "scope"), [("2027-01-31", "account+sender"), ("2026-01-01", "account"), ("", "account+sender")]
)
def test_us_13_a_narrow_stop_reaches_everything_from_the_day_the_rule_starts(
    person: Person, services: Services, clock: FakeClock, day: str, scope: str
) -> None:
    clock.time = clock.time.replace(year=2026, month=11, day=22)
    configure(services, f'stop_scope = "sender"\nrevoke_all_from = "{day}"')
    person.says("STOP")
    acme = services.store.directory.current().accounts["acme"]
    assert {block.scope.kind.value for block in services.consent.blocks(acme, PERSON)} == {scope}


def test_a_switched_off_word_is_held_for_a_person_and_never_ignored(
    person: Person, services: Services, api: Any
) -> None:
    status, answer = api("PUT", "/keywords/en.opt_out.end", {"on": False})
    assert (status, answer["code"]) == (409, "confirmation_needed")
    assert answer["law"]
    assert api("PUT", "/keywords/en.opt_out.end", {"on": False, "understood": True})[1]["off_at"] == [""]
    assert person.says("END") == []
    assert person.may_get()
    assert services.store.consent.is_held(PERSON, "acme")
    assert api("GET", "/reviews")[1]["items"][0]["text"] == "END"
    assert person.says("STOP") != []
    api("PUT", "/keywords/en.opt_out.end", {"on": True})
    assert not person.may_get()


def test_a_word_is_switched_off_at_one_sender_alone(person: Person, services: Services, api: Any) -> None:
    done = api("PUT", "/keywords/en.opt_out.end", {"on": False, "understood": True, "sender": SENDER})
    assert done[1]["off_at"] == [SENDER]
    assert api("PUT", "/keywords/en.opt_out.nothing", {"on": False})[0] == 404


def test_a_mandatory_word_is_switched_off_in_a_file_only_by_who_has_read_the_law(services: Services) -> None:
    from gateway.errors import ConfigurationError

    with pytest.raises(ConfigurationError, match="mandatory word"):
        configure(services, account='keywords_off = ["CANCEL"]')
    configure(services, account='keywords_off = ["CANCEL"]\nmandatory_keywords_off_understood = true')
    assert services.store.directory.current().accounts["acme"].keywords_off == ("en.opt_out.cancel",)


@pytest.mark.parametrize("body", ["please sign me up again", "resubscribe me please"])
def test_free_words_to_come_back_lift_nothing_and_are_answered_with_the_word_that_does(
    person: Person, body: str
) -> None:
    """Behaviour 22."""
    person.says("STOP")
    replies = person.says(body)
    assert not person.may_get()
    assert all("START" in reply for reply in replies)


def test_yes_lifts_where_the_carrier_honours_it_and_nowhere_else(
    services: Services, client: FlaskClient, clock: FakeClock
) -> None:
    for number, sender in enumerate(("+15005550006", "+18005550199", "55555")):
        person = f"+1415555020{number}"
        text(client, "STOP", To=sender, From=person, MessageSid=f"SM{number:031x}1")
        clock.pass_time(timedelta(seconds=1))
        text(client, "YES", To=sender, From=person, MessageSid=f"SM{number:031x}2")
        acme = services.store.directory.current().accounts["acme"]
        assert services.consent.check(acme, [person], sender=sender)[0].allowed == (sender == "+15005550006")


def test_texts_to_an_unknown_sender_are_replayed_once_it_has_an_account(
    services: Services, client: FlaskClient, clock: FakeClock, send_jobs: Jobs
) -> None:
    text(client, "STOP", To="+12025559999")
    when = clock.now()
    clock.pass_time(timedelta(hours=2))
    assert services.routing.replay() == (0, 1)
    document = (
        ACCOUNT.format(settings="", account="", sender="").replace(SENDER, "+12025559999").replace('"acme"', '"late"')
    )
    services.configuration.apply(services.configuration.plan(services.configuration.read(document)))
    assert services.routing.replay() == (1, 0)
    assert services.routing.replay() == (0, 0)
    late = services.store.directory.current(fresh=True).accounts["late"]
    blocks = services.consent.blocks(late, PERSON)
    assert {block.scope.kind.value for block in blocks} == {"account", "sender"}
    assert {block.since for block in blocks} == {when}
    assert "accepted" not in send_jobs()  # two hours late: no confirmation any more


def test_a_preview_shows_the_text_its_segments_and_what_the_linter_says(api: Any) -> None:
    status, answer = api("POST", "/replies/preview", {"name": "opt_out_message"})
    assert (status, answer["segments"], answer["encoding"]) == (200, 1, "GSM-7")
    assert answer["text"].startswith("Acme: ")
    body = {"name": "opt_out_message", "body": "Big sale today! " * 20}
    codes = {finding["code"] for finding in api("POST", "/replies/preview", body)[1]["findings"]}
    assert {"no_brand", "several_segments"} <= codes
    assert api("POST", "/replies/preview", {"name": "poem"})[0] == 422
    assert api("POST", "/replies/preview", {"name": "help_message", "language": "xx"})[0] == 422


SHARED = """
[[accounts]]
id = "{id}"
name = "{name}"
[[accounts.senders]]
address = "72975"
carrier = "twilio"
kind = "short_code"
[[accounts.keywords]]
word = "{word}"
action = "join"
audience = "news"
"""


def test_g8_on_a_shared_sender_a_join_word_joins_the_account_whose_word_it_is(
    services: Services, client: FlaskClient, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio, api: Any
) -> None:
    for identifier, name, word in (("acme", "Acme", "PIZZA"), ("globex", "Globex", "PASTA")):
        document = SHARED.format(id=identifier, name=name, word=word)
        services.configuration.apply(services.configuration.plan(services.configuration.read(document)))
    for number, body in enumerate(("STOP", "PASTA", "Y")):
        clock.pass_time(timedelta(seconds=1))
        text(client, body, To="72975", MessageSid=f"SM{number:032x}")
        send_jobs()
    assert fake_twilio.bodies()[1].startswith("Globex: Reply Y")
    members = {name: services.store.audiences.memberships(PERSON, name, ["news"]) for name in ("acme", "globex")}
    assert members == {"acme": [], "globex": ["news"]}
    globex = services.store.directory.current().accounts["globex"]
    assert services.consent.check(globex, [PERSON], sender="72975", audience="news")[0].allowed


def test_a_program_subscribes_through_a_messaging_service_and_the_answer_comes_to_its_number(
    services: Services, client: FlaskClient, clock: FakeClock, api: Any
) -> None:
    service = "MG00000000000000000000000000000001"
    api("POST", "/audiences", {"id": "news"})
    text(client, "STOP", To="+12025550188", MessagingServiceSid=service, MessageSid="SM" + "1" * 32)
    clock.pass_time(timedelta(seconds=1))
    assert api("POST", "/subscriptions", {"number": PERSON, "audience": "news", "from": service})[0] == 202
    clock.pass_time(timedelta(seconds=1))
    text(client, "news", To="+12025550188", MessagingServiceSid=service, MessageSid="SM" + "2" * 32)
    assert services.store.audiences.memberships(PERSON, "acme", ["news"]) == ["news"]
