"""Keywords: switches that are written down, own words with their collisions, and what would come of a text."""

import re

import pytest

from gateway.services import Services
from tests.console.conftest import OWNER, Visitor

KEYWORDS = "/accounts/acme/keywords"
STOP, STOP_IT = "en.opt_out.stop", "en.opt_out.stop_it"
HERE, CARRIERS = "+12025550100", "+15005550006"
BACKGROUND = {"X-Requested-With": "console"}


def off(services: Services) -> tuple[str, ...]:
    return services.store.directory.current(fresh=True).accounts["acme"].keywords_off


def test_a_switch_saves_itself_in_the_background_and_is_written_down(owner: Visitor, services: Services) -> None:
    owner.post(f"{KEYWORDS}/built-in/{STOP_IT}/switch", {"to": "off"}, status=204, headers=BACKGROUND)
    assert off(services) == (STOP_IT,)
    page = owner.get(f"{KEYWORDS}/built-in/{STOP_IT}").get_data(as_text=True)
    assert f"switched off by {OWNER}" in page
    assert "JUST STOP, STOP IT" in owner.get(KEYWORDS).get_data(as_text=True)


def test_a_switch_works_as_a_plain_form_too(owner: Visitor, services: Services) -> None:
    page = owner.post(f"{KEYWORDS}/built-in/{STOP_IT}/switch", {"to": "off"}).get_data(as_text=True)
    assert "and 87 more: off." in re.sub(r"and \d+ more", "and 87 more", page)
    owner.post(f"{KEYWORDS}/built-in/{STOP_IT}/switch", {"to": "on"})
    assert off(services) == ()


def test_us2_a_mandatory_word_asks_first_and_shows_the_law(owner: Visitor, services: Services) -> None:
    path = f"{KEYWORDS}/built-in/{STOP}/switch"
    page = owner.post(path, {"to": "off"}, headers=BACKGROUND).get_data(as_text=True)
    assert "47 CFR 64.1200(a)(10)" in page
    assert off(services) == ()
    owner.post(path, {"to": "off", "confirmed": "yes"})
    assert off(services) == (STOP,)


def test_a_word_can_be_off_at_one_sender_alone(owner: Visitor, services: Services) -> None:
    owner.post(f"{KEYWORDS}/built-in/{STOP_IT}/switch", {"to": "off", "sender": HERE})
    acme = services.store.directory.current(fresh=True).accounts["acme"]
    assert [sender.address for sender in acme.senders if sender.keywords_off] == [HERE]
    assert "off at 1 sender" in owner.get(KEYWORDS).get_data(as_text=True)


@pytest.mark.parametrize(
    ("query", "there", "missing"),
    [
        ("", "ARRET", "PARAR"),
        ("?language=es", "in Spanish", ">ARRET<"),
        ("?language=en&action=help", "for “help”", ">STOP<"),
        ("?language=klingon", "that the law names", "in klingon"),
    ],
)
def test_built_in_words_are_filtered_and_the_filter_is_said(
    owner: Visitor, query: str, there: str, missing: str
) -> None:
    page = owner.get(KEYWORDS + query).get_data(as_text=True)
    assert there in page
    assert missing not in page


@pytest.mark.parametrize(
    ("text", "sender", "words"),
    [
        ("STOP", HERE, ["no more texts", "We send it", "You are unsubscribed"]),
        ("STOP", CARRIERS, ["no more texts", "The carrier answers it"]),
        ("please take me off your list", HERE, ["no more texts", "en.opt_out"]),
        ("hours", HERE, ["an automatic answer", "Acme: open 9 to 7."]),
        ("see you at 5", HERE, ["nothing to do", "conversation"]),
        ("<script>alert(1)</script>", HERE, ["nothing to do"]),
        ("   ", HERE, ["Try a text"]),
    ],
)
def test_trying_a_text_says_what_would_come_of_it_and_writes_nothing(
    owner: Visitor, services: Services, text: str, sender: str, words: list[str]
) -> None:
    page = owner.post(f"{KEYWORDS}/try", {"text": text, "sender": sender}).get_data(as_text=True)
    assert [word for word in words if word not in page] == []
    assert services.store.messages.thread("acme", "+12025550199") == []
    assert "<script>alert" not in page


def test_the_same_as_a_part_of_a_page_while_it_is_typed(owner: Visitor) -> None:
    part = owner.post(f"{KEYWORDS}/try", {"text": "stop", "sender": HERE}, headers=BACKGROUND).get_data(as_text=True)
    assert "<html" not in part
    assert "The person gets no more texts and calls from this account." in part


WORD = {"word": "JOIN", "action": "join", "match": "whole", "audience": "newsletter", "reply": ""}


def test_a_word_is_added_used_changed_taken_away_and_put_back(owner: Visitor, services: Services) -> None:
    page = owner.post(f"{KEYWORDS}/own/new", WORD).get_data(as_text=True)
    assert "JOIN is a keyword now." in page
    tried = owner.post(f"{KEYWORDS}/try", {"text": "join", "sender": HERE}).get_data(as_text=True)
    assert "The person joins newsletter" in tried
    owner.post(f"{KEYWORDS}/own/JOIN", {**WORD, "word": "JOIN US"})
    assert "JOIN US" in owner.get(KEYWORDS).get_data(as_text=True)
    page = owner.post(f"{KEYWORDS}/remove/JOIN%20US").get_data(as_text=True)
    assert "JOIN US is no keyword any more." in page
    undo = dict(re.findall(r'<input type="hidden" name="(word|action|match|audience|reply)" value="([^"]*)"', page))
    owner.post(f"{KEYWORDS}/own/new", undo)
    words = services.store.directory.current(fresh=True).accounts["acme"].keywords
    assert [word.word for word in words] == ["HOURS", "JOIN US"]
    changes = services.store.configuration_journal.newest("acme", count=4)
    assert {change.actor for change in changes} == {f"user {OWNER}"}


@pytest.mark.parametrize(
    ("form", "field", "sentence"),
    [
        ({"audience": ""}, "", "name an audience"),
        ({"action": "reply"}, "", "has to have a reply"),
        ({"word": "hours", "audience": "x"}, "word", "already"),
        ({"word": ""}, "word", ""),
        ({"word": "STOP"}, "", "STOP"),
    ],
)
def test_what_is_wrong_with_a_word_is_said_and_what_was_typed_stays(
    owner: Visitor, form: dict[str, str], field: str, sentence: str
) -> None:
    page = owner.post(f"{KEYWORDS}/own/new", {**WORD, **form}, status=422).get_data(as_text=True)
    assert sentence in page
    if field:
        assert f'id="{field}-error"' in page
    assert f'value="{form.get("word", "JOIN")}"' in page


def test_collisions_are_said_while_a_word_is_typed(owner: Visitor) -> None:
    part = owner.post(f"{KEYWORDS}/check", {**WORD, "word": "cancel", "reply": "hello"}).get_data(as_text=True)
    assert "always means “no more texts”" in part
    assert "The reply does not say who it is from" in part
    assert "1 segment" in part


def test_g8_words_of_another_account_are_not_there(stranger: Visitor) -> None:
    stranger.get("/accounts/globex/keywords/own/HOURS", status=404)
    stranger.get(f"{KEYWORDS}/own/HOURS", status=404)
    stranger.post("/accounts/globex/keywords/remove/HOURS", status=404)


def test_an_agent_looks_and_switches_nothing(colleague: Visitor, services: Services) -> None:
    page = colleague.get(KEYWORDS).get_data(as_text=True)
    assert 'role="switch"' not in page
    colleague.post(f"{KEYWORDS}/built-in/{STOP_IT}/switch", {"to": "off"}, status=403)
    assert off(services) == ()
