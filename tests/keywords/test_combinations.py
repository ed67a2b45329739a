"""A request stays a request whatever goes before and after it, and what takes it away takes it away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywords import Action, decide

OPENINGS = (
    "",
    "please ",
    "can you ",
    "could you please ",
    "i want you to ",
    "you need to ",
    "kindly ",
    "just ",
    "ok but ",
    "no. ",
    "ugh ",
    "wrong number, ",
    "not interested ",
    "i already voted ",
    "this is harassment ",
    "who is this ",
    "thanks but ",
    "Hi, ",
)
REQUESTS = (
    "stop texting me",
    "stop sending me texts",
    "take me off your list",
    "remove my number",
    "unsubscribe me",
    "opt me out",
    "leave me alone",
    "lose my number",
    "quit texting me",
    "remove me",
    "take me off",
    "unsubscribe",
    "stop calling me",
    "stop these texts",
    "stop with the texts",
    "delete my number",
    "put me on your do not call list",
)
ENDINGS = (
    "",
    " please",
    " now",
    " thanks",
    " or I will report you",
    " i'm not interested",
    " wrong number",
    " this is my work phone",
    " for good",
    " you idiots",
    " i didn't sign up for this",
    "!!! 😡",
    " because i am busy",
    " thank you and have a nice day",
)
DENIALS = ("please don't ", "don't ", "never ", "i don't want you to ", "i hope you never ")
DENIED = (
    "stop texting me",
    "stop sending these coupons",
    "remove my number",
    "remove me from your list",
    "unsubscribe me",
)
LANGUAGES = {
    "es": (
        ("", "por favor ", "no me interesa, ", "número equivocado, "),
        (
            "dejen de escribirme",
            "no me manden más mensajes",
            "bórrenme de su lista",
            "quítenme de la lista",
            "denme de baja",
        ),
        ("", " por favor", " gracias", " ya"),
    ),
    "fr": (
        ("", "svp ", "bonjour, ", "mauvais numéro, "),
        (
            "arrêtez de m'envoyer des messages",
            "retirez-moi de votre liste",
            "supprimez mon numéro",
            "ne me contactez plus",
        ),
        ("", " svp", " merci", " ou je porte plainte"),
    ),
    "pt": (
        ("", "por favor ", "não tenho interesse, "),
        ("parem de me mandar mensagem", "me tire da lista", "não quero mais receber mensagens", "remova meu número"),
        ("", " por favor", " obrigado", " agora"),
    ),
    "de": (
        ("", "bitte ", "kein Interesse, "),
        ("hören Sie auf mir zu schreiben", "löschen Sie meine Nummer", "keine SMS mehr", "lassen Sie mich in Ruhe"),
        ("", " bitte", " danke", " sofort"),
    ),
    "it": (
        ("", "per favore ", "numero sbagliato, "),
        ("smettetela di scrivermi", "non mandatemi più messaggi", "cancellatemi dalla lista", "lasciatemi in pace"),
        ("", " per favore", " grazie", " subito"),
    ),
    "ru": (
        ("", "пожалуйста ", "вы ошиблись, "),
        ("не пишите мне больше", "удалите мой номер", "прекратите слать смс", "отпишите меня"),
        ("", " пожалуйста", " спасибо", " срочно"),
    ),
    "zh": (
        ("", "请", "我不感兴趣，"),
        ("别再发了", "不要再给我发短信", "把我的号码删除", "停止发送"),
        ("", "谢谢", "！"),
    ),
}


@given(st.sampled_from(OPENINGS), st.sampled_from(REQUESTS), st.sampled_from(ENDINGS))
def test_a_request_acts_whatever_goes_before_and_after_it(opening: str, request: str, ending: str) -> None:
    decision = decide(opening + request + ending)
    assert (decision.action, decision.acts) == (Action.OPT_OUT, True), decision


@pytest.mark.parametrize("language", LANGUAGES)
@given(data=st.data())
def test_so_it_does_in_other_languages(language: str, data: st.DataObject) -> None:
    opening, request, ending = (data.draw(st.sampled_from(choices)) for choices in LANGUAGES[language])
    decision = decide(opening + request + ending)
    assert (decision.action, decision.acts) == (Action.OPT_OUT, True), decision


@pytest.mark.parametrize("denial", DENIALS)
@pytest.mark.parametrize("denied", DENIED)
def test_a_denied_request_never_acts(denial: str, denied: str) -> None:
    assert not decide(denial + denied).acts


@given(st.sampled_from(OPENINGS), st.sampled_from(REQUESTS), st.sampled_from(ENDINGS))
def test_what_matched_is_part_of_the_text(opening: str, request: str, ending: str) -> None:
    text = opening + request + ending
    decision = decide(text)
    assert decision.span is not None
    assert text[slice(*decision.span)] == decision.matched != ""
