"""What counts as a request, law by law (regulation.md) and behaviour by behaviour (behaviour.md)."""

import pytest

from keywords import Action, Certainty, decide


def acted(text: str) -> Action | None:
    decision = decide(text)
    return decision.action if decision.acts else None


@pytest.mark.parametrize(
    "text",
    [
        "Please stop texting me",
        "I do not want any more messages",
        "take me off your list",
        "I revoke my consent to be contacted",
        "you do not have permission to contact me",
        "put me on your do not call list",
    ],
)
def test_us_1_any_words_that_clearly_express_the_wish_count(text: str) -> None:
    assert acted(text) is Action.OPT_OUT


@pytest.mark.parametrize("word", ["stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"])
@pytest.mark.parametrize("form", ["{}", "{}.", "{}!!", "“{}”", "{}?", "🛑 {}", "please {}", "{}, thanks", "{} {} {}"])
def test_us_2_the_per_se_words_count_whatever_the_context(word: str, form: str) -> None:
    assert acted(form.replace("{}", word)) is Action.OPT_OUT


@pytest.mark.parametrize(
    "text",
    [
        "I appreciate all you do, but please remove my number from this list. Good luck!",
        "Good morning. I got this number last month and keep getting these. Please delete it from your system.",
        "We moved out of state so you can stop texting now",
        "how do I unsubscribe?",
        "How many times do I have to say stop",
        "stop sending me political texts",
        "STOP ADS",
        "if you text me again I will report you",
        "cease and desist",
        "stop calling me",
        "lose my number",
        "leave me the hell alone",
        "My husband passed away, please take him off your list",
    ],
)
def test_us_3_what_a_reasonable_person_would_understand_counts(text: str) -> None:
    assert acted(text) is Action.OPT_OUT


@pytest.mark.parametrize("text", ["wrong number", "Wrong number, sorry", "you have the wrong person", "this isn't Tom"])
def test_us_24_a_wrong_number_alone_is_held(text: str) -> None:
    assert decide(text).held


@pytest.mark.parametrize("text", ["Wrong number. Please stop.", "wrong number, take me off", "wrong number stop"])
def test_us_24_a_wrong_number_with_a_request_is_acted_on(text: str) -> None:
    assert acted(text) is Action.OPT_OUT


@pytest.mark.parametrize("text", ["stop", "end", "unsubscribe", "cancel", "quit", "please opt me out"])
def test_ct_1_normal_language_is_read_and_acted_upon(text: str) -> None:
    assert acted(text) is Action.OPT_OUT


@pytest.mark.parametrize(
    "text", ["StOp", "STOP.", "stop!", "(stop)", "s.t.o.p", "stop ", "Sto", "Wuit2End", "dtop", "Stop2End"]
)
def test_ct_2_small_variances_do_not_matter(text: str) -> None:
    assert acted(text) is Action.OPT_OUT


@pytest.mark.parametrize(
    "text", ["STOP please", "Please STOP", "END, thank you", "Quit I'm serious", "cancel thx", "unsubscribe pls"]
)
def test_sc_1_words_around_a_universal_keyword_do_not_stop_it_working(text: str) -> None:
    assert acted(text) is Action.OPT_OUT


@pytest.mark.parametrize(
    "text", ["HELP", "help!", "INFO", "help please", "who is this?", "I need to talk to a real person"]
)
def test_sc_2_help_is_understood(text: str) -> None:
    assert acted(text) is Action.HELP


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("ARRET", Action.OPT_OUT),
        ("Arrêt", Action.OPT_OUT),
        ("ARRETE", Action.OPT_OUT),
        ("ARRETT", Action.OPT_OUT),
        ("STOP", Action.OPT_OUT),
        ("AIDE", Action.HELP),
        ("HELP", Action.HELP),
        ("INFO", Action.HELP),
    ],
)
def test_ca_2_the_canadian_keywords(text: str, action: Action) -> None:
    assert acted(text) is action


@pytest.mark.parametrize(
    ("law", "text"),
    [
        ("ES-1", "BAJA"),
        ("ES-1", "Baja por favor"),
        ("BR-1", "SAIR"),
        ("BR-1", "PARE"),
        ("BR-1", "descadastrar"),
        ("FR-1", "STOP"),
        ("FR-1", "stop pub"),
        ("DE-1", "Ich widerspreche der Nutzung meiner Daten, keine Werbung mehr"),
        ("TR-1", "IPTAL"),
        ("TR-1", "İptal"),
        ("IL-1", "הסר"),
        ("NO-1", "UNSUB"),
    ],
)
def test_the_words_other_countries_rules_name(law: str, text: str) -> None:
    assert acted(text) is Action.OPT_OUT, law


def test_br_1_ajuda_is_help() -> None:
    assert acted("AJUDA") is Action.HELP


@pytest.mark.parametrize("text", ["Please stopppp", "stooop", "STOPPPP!!", "pleeease stop"])
def test_behaviour_30_a_fuzzy_word_is_understood_but_not_called_exact(text: str) -> None:
    decision = decide(text)
    assert decision.action is Action.OPT_OUT
    assert decision.certainty is not Certainty.EXACT


@pytest.mark.parametrize(
    "text",
    [
        "Stop2End",
        "STOP2QUIT",
        "Quit2End",
        "End2Stop",
        "stop to end",
        "STOP = QUIT",
        "stop@end",
        "Stop2",
        "stop 2 quit",
        "Quit2Enf",
        "Quir2end",
        "Stop3End",
        "Stop2Rnd",
        "QuitToEnd",
        "cancel2end",
        "STOP to opt out",
        "Stop2End (Sent with Loud Effect)",
    ],
)
def test_what_senders_print_is_understood_in_any_combination(text: str) -> None:
    assert acted(text) is Action.OPT_OUT


@pytest.mark.parametrize("text", ["Stool", "Store", "Sty", "Quiz", "quite", "Stops"])
def test_what_a_phone_makes_of_a_keyword_is_held(text: str) -> None:
    assert decide(text).held


@pytest.mark.parametrize(
    "text", ["shop", "story", "spot", "And", "send", "suit", "Ned", "para llevar", "Fine", "no", "k", "Bo", "alt"]
)
def test_a_slip_never_lands_on_a_word_that_people_send(text: str) -> None:
    assert decide(text).action is Action.NONE


@pytest.mark.parametrize(
    "text",
    [
        "not interested",
        "no thanks",
        "fuck off",
        "stop it haha",
        "don't text me at work",
        "don't send me more invoices",
        "reported",
        "🛑",
        "⛔️ ✋",
        "stop yelling at me",
        "one text a day is plenty",
        "please don't text so late",
    ],
)
def test_what_reasonable_people_read_differently_is_held(text: str) -> None:
    decision = decide(text)
    assert decision.held
    assert decision.action is Action.OPT_OUT
    assert not decision.acts


@pytest.mark.parametrize(
    "text",
    [
        "stop by at 5",
        "which bus stop?",
        "I can't stop laughing",
        "please don't stop",
        "don't stop sending these",
        "cancel my appointment",
        "the end",
        "non-stop",
        "stop worrying",
        "I'll quit my job",
        "start time?",
        "yes i will vote",
        "We have got to STOP this bill",
        "he told me to stop smoking",
        "my texts stopped, can you fix it?",
        "why did you stop texting me? I miss the deals",
        "how do I unsubscribe from netflix",
        "take me off speaker",
        "remove the blue one from my cart",
        "no more questions",
        "I didn't get any texts",
        "don't text and drive",
        "unsubscribe from netflix is such a pain",
        "para dos personas",
        "no dejen de escribirme",
        "annuler la réservation",
        "n'arrêtez pas",
        "cancelar o corte de cabelo",
        "Ende gut, alles gut",
        "fine settimana",
        "отменить заказ",
        "停一下，我看看",
        "予約をキャンセルしたい",
        "예약 취소해주세요",
    ],
)
def test_hard_negatives_ask_for_nothing(text: str) -> None:
    decision = decide(text)
    assert decision.action is Action.NONE, decision
    assert decision.explanation.endswith(".")


@pytest.mark.parametrize(
    ("text", "matched", "sentence"),
    [
        ("STOP", "STOP", "The whole text is the keyword STOP."),
        ("  stop!! ", "stop!!", "The whole text is the keyword STOP."),
        (
            "Hi, please take me off your list. Jo",
            "take me off your list",
            "“take me off your list” asks to be taken off the list.",
        ),
        ("Already donated. Please stop.", "Please stop", "“Please stop” asks for no more texts or calls."),
        (
            "Wuit2End",
            "Wuit2End",
            "“Wuit2End” puts the keyword QUIT together with another one, as senders often print it.",
        ),
        ("sto please", "sto please", "“sto please” is the keyword STOP with a slip of the finger."),
        (
            "wrong number",
            "wrong number",
            "The whole text is “wrong number”, which may or may not be a request to stop. A person has to decide.",
        ),
        ("see you at 5", "", "No keyword and no request was found in the text."),
        ("👍", "", "The text has no words in it."),
    ],
)
def test_a_decision_says_why_in_one_sentence_and_shows_the_words(text: str, matched: str, sentence: str) -> None:
    decision = decide(text)
    assert (decision.matched, decision.explanation) == (matched, sentence)


def test_the_match_is_the_text_as_it_was_typed() -> None:
    text = "Hola 👋 — por favor, NO me ESCRIBAN más, ok?"
    decision = decide(text)
    assert decision.language == "es"
    assert decision.span is not None
    assert text[slice(*decision.span)] == decision.matched
    assert decision.matched.startswith("NO me ESCRIBAN más")
