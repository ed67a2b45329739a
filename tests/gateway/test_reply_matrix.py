"""Every cell of the reply matrix: over all parties together, a person gets the number of replies the table says."""

import pytest
from flask.testing import FlaskClient

from gateway.carriers.twilio import TRAITS
from gateway.reply_policy import MATRIX, Handling, Who, Words, handling_of, who_answers
from gateway.reply_texts import LANGUAGES, built_in, reply_text
from keywords import Action, count_segments
from tests.conftest import FakeClock, Jobs
from tests.fake_twilio import FakeTwilio
from tests.webhooks import text

LONG_CODE, OURS, TOLL_FREE, SHORT_CODE = "+15005550006", "+12025550100", "+18005550199", "55555"
SERVICE = {"MessagingServiceSid": "MG00000000000000000000000000000001"}


def carrier_replies(sender: str, body: str, extra: dict[str, str]) -> int:
    """How many replies the carrier or its network sends by itself, modelled from its documentation (carriers 1.4)."""
    if extra.get("OptOutType"):
        return 1
    word = body.strip().casefold()
    known = TRAITS.opt_out_words | TRAITS.opt_in_words | TRAITS.help_words
    return int(sender in {LONG_CODE, TOLL_FREE} and word in known)


ROWS = [
    # sender, text, what the webhook adds, replies from us, replies in all
    (LONG_CODE, "STOP", {}, 0, 1),
    (LONG_CODE, "QUIT", {}, 0, 1),
    (LONG_CODE, "stop please", {}, 1, 1),
    (LONG_CODE, "OPT OUT", {}, 1, 1),
    (LONG_CODE, "Stop 🛑", {}, 1, 1),
    (LONG_CODE, "please take me off your list", {}, 1, 1),
    (LONG_CODE, "START", {}, 0, 1),
    (LONG_CODE, "HELP", {}, 0, 1),
    (LONG_CODE, "help me please, who is this?", {}, 1, 1),
    (SERVICE, "stop", {"OptOutType": "STOP"}, 0, 1),
    (SERVICE, "ALTO", {"OptOutType": "STOP"}, 0, 1),
    (SERVICE, "START", {"OptOutType": "START"}, 0, 1),
    (SERVICE, "help", {"OptOutType": "HELP"}, 0, 1),
    (SERVICE, "please stop texting me", {}, 1, 1),
    (TOLL_FREE, "STOP", {}, 0, 1),
    (TOLL_FREE, "please stop texting me", {}, 1, 1),
    (TOLL_FREE, "START", {}, 0, 1),
    (TOLL_FREE, "HELP", {}, 0, 1),
    (SHORT_CODE, "STOP", {}, 1, 1),
    (SHORT_CODE, "please stop texting me", {}, 1, 1),
    (SHORT_CODE, "HELP", {}, 1, 1),
    (SHORT_CODE, "who is this?", {}, 1, 1),
    (OURS, "STOP", {}, 1, 1),
    (OURS, "please stop texting me", {}, 1, 1),
    (OURS, "HELP", {}, 1, 1),
]


@pytest.mark.parametrize(("sender", "body", "extra", "from_us", "in_all"), ROWS)
def test_g4_exactly_one_party_answers_each_kind_of_text_at_each_kind_of_sender(
    client: FlaskClient,
    send_jobs: Jobs,
    fake_twilio: FakeTwilio,
    sender: str | dict[str, str],
    body: str,
    extra: dict[str, str],
    from_us: int,
    in_all: int,
) -> None:
    """Behaviour 26 and 27."""
    to, service = (sender, {}) if isinstance(sender, str) else ("+12025550188", SERVICE)
    text(client, body, To=to, **service, **extra)
    send_jobs()
    assert len(fake_twilio.sent) == from_us
    assert from_us + carrier_replies(to, body, extra) == in_all


@pytest.mark.parametrize("sender", [LONG_CODE, OURS, TOLL_FREE, SHORT_CODE])
def test_coming_back_after_a_stop_is_answered_by_one_party(
    client: FlaskClient, clock: FakeClock, send_jobs: Jobs, fake_twilio: FakeTwilio, sender: str
) -> None:
    text(client, "STOP", To=sender, MessageSid="SM" + "1" * 32)
    send_jobs()
    fake_twilio.sent.clear()
    clock.time = clock.time.replace(year=clock.time.year + 1)
    text(client, "START", To=sender, MessageSid="SM" + "2" * 32)
    send_jobs()
    assert len(fake_twilio.sent) + carrier_replies(sender, "START", {}) == 1


def test_a_sender_that_cannot_receive_is_never_answered_from() -> None:
    for action in Action:
        for words in Words:
            assert who_answers(Handling.ONE_WAY, action, words) is Who.SILENT


def test_every_way_of_handling_has_every_cell() -> None:
    for handling in Handling:
        assert {Action.OPT_OUT, Action.OPT_IN, Action.HELP} == set(MATRIX[handling])
        assert all(set(cells) == set(Words) for cells in MATRIX[handling].values())


@pytest.mark.parametrize(
    ("kind", "handled_by", "acted", "handling"),
    [
        ("long_code", "carrier", False, Handling.CARRIER),
        ("long_code", "gateway", False, Handling.GATEWAY),
        ("long_code", "gateway", True, Handling.ADVANCED),
        ("messaging_service", "carrier", True, Handling.ADVANCED),
        ("toll_free", "gateway", False, Handling.TOLL_FREE),
        ("short_code", "carrier", False, Handling.GATEWAY),
        ("alphanumeric", "gateway", False, Handling.ONE_WAY),
    ],
)
def test_what_the_carrier_says_with_a_text_is_trusted_over_the_configuration(
    kind: str, handled_by: str, acted: bool, handling: Handling
) -> None:
    assert handling_of(kind, handled_by, carrier_acted=acted) is handling


@pytest.mark.parametrize(
    ("body", "language", "words"),
    [
        ("ARRET", "fr", "vous ne recevrez plus"),
        ("Arrêt", "fr", "vous ne recevrez plus"),
        ("BAJA", "es", "No recibira"),
        ("SAIR", "pt", "Nao recebera"),
        ("STOP", "en", "no more messages"),
    ],
)
def test_ca_2_a_confirmation_is_in_the_language_of_the_word(
    client: FlaskClient, send_jobs: Jobs, fake_twilio: FakeTwilio, body: str, language: str, words: str
) -> None:
    """Behaviour 29: ARRET is answered in French, STOP in English."""
    text(client, body, To=OURS)
    send_jobs()
    assert words in fake_twilio.bodies()[0]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["opt_out_message", "opt_in_message", "help_message", "opt_in_hint_message"])
def test_our_own_texts_fit_one_segment_and_carry_the_brand(language: str, name: str) -> None:
    values = {"brand": "Riverside Book House", "sender": OURS, "help_contact": "", "keyword": "STOP"}
    body = reply_text(name, {}, language, values)
    assert body.startswith("Riverside Book House: ")
    assert (count_segments(body).segments, count_segments(body).encoding.value) == (1, "GSM-7")
    assert "{" not in body


def test_every_language_has_every_text() -> None:
    names = set(built_in()["en"])
    assert all(set(built_in()[language]) == names for language in LANGUAGES)


def test_ct_5_a_welcome_names_brand_help_stop_recurrence_and_rates() -> None:
    body = reply_text("join_message", {}, "en", {"brand": "Acme", "audience": "weekly news", "help_contact": ""})
    for part in ("Acme", "weekly news", "recurring", "Msg&data rates may apply", "HELP", "STOP"):
        assert part in body
