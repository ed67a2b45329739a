"""What the phone wrote is taken away before a text is read (behaviours 9 to 14)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywords import Action, decide
from keywords.envelope import strip_envelope

FOOTER = "Sale today! Reply STOP to unsubscribe"


@pytest.mark.parametrize(
    "text",
    [
        f"Liked “{FOOTER}”",
        f"Loved “{FOOTER}”",
        f"Disliked “{FOOTER}”",
        f"Laughed at “{FOOTER}”",
        f"Emphasized “{FOOTER}”",
        f"Questioned “{FOOTER}”",
        f'Liked "{FOOTER}"',
        f"Removed a like from “{FOOTER}”",
        f"Removed an exclamation from “{FOOTER}”",
        f"Reacted 👍 to “{FOOTER}”",
        f"👍 to “ {FOOTER} ”",
        f"\u200a\u200b❤️\u200b to “\u200a{FOOTER}\u200a”\u200a",
        f"Liked “{FOOTER[:30]}…",
        "Le gustó “Responde ALTO para cancelar”",
        "Le encantó “Oferta: envía BAJA para salir de la lista”",
        "A aimé « Répondez STOP pour vous désabonner »",
        "A ri à « Répondez STOP pour vous désabonner »",
        "Gefällt „Antworten Sie STOP zum Abmelden“",
        "Lacht über „Antworten Sie STOP zum Abmelden“",
        "Gostou de “Responda SAIR para cancelar”",
        "Amou “Responda SAIR para cancelar”",
        "Ha messo “Mi piace” a “Rispondi STOP per annullare”",
        "赞了“回复TD退订”",
        "喜歡「回覆STOP取消」",
        'Your text says "Reply STOP to unsubscribe", is that legit?',
        f"Great!\n> {FOOTER}",
        f"See you there\n\nOn Mon, Jan 5, 2026 at 9:01 AM Acme <a@acme.example> wrote:\n{FOOTER}",
        f"Thanks\n-----Original Message-----\n{FOOTER}",
        "ok\n-- \nJo, who says stop at nothing",
    ],
)
def test_behaviour_14_a_reaction_or_quotation_of_our_own_footer_is_no_opt_out(text: str) -> None:
    decision = decide(text)
    assert (decision.action, decision.held) == (Action.NONE, False), decision


@pytest.mark.parametrize(
    "text",
    [
        "STOP\n\nSent from my iPhone",
        "STOP. Sent from my iPhone",
        "Stop\nGet Outlook for Android",
        "stop\n\nEnvoyé de mon iPhone",
        "STOP\n--\nJo Smith\nRealtor",
        "Re: Your delivery\n\nSTOP",
        "RE: STOP",
        "Fwd: Re: stop",
        "Stop (Sent with Loud Effect)",
        "Stop2End (Sent with Slam Effect)",
        "STOP (Enviado con efecto Confeti)",
        "Arrêt (Envoyé avec Écho)",
        "“STOP”",
        "«Stop»",
        '"please stop texting me"',
        "> STOP",
        f"> {FOOTER}\nstop",
        f"STOP\n\nOn Mon, Jan 5, 2026 Acme wrote:\n> {FOOTER}",
        f"Liked “{FOOTER}” — jk unsubscribe",
        f"Disliked “{FOOTER}”. STOP",
    ],
)
def test_a_persons_own_words_around_such_additions_still_count(text: str) -> None:
    decision = decide(text)
    assert decision.action is Action.OPT_OUT, decision
    assert decision.acts
    assert decision.span is not None
    assert text[slice(*decision.span)] == decision.matched


@pytest.mark.parametrize("text", ["STOP", "stop\n", "STOP \n\n", "\nSTOP"])
def test_behaviour_9_a_keyword_with_media_is_an_opt_out_and_media_does_not_reach_the_engine(text: str) -> None:
    assert decide(text).action is Action.OPT_OUT


@pytest.mark.parametrize("text", ["", " ", "\n", "\u200b", "\ufeff", "\x00", "…", "👍"])
def test_behaviour_10_a_text_without_words_asks_for_nothing(text: str) -> None:
    decision = decide(text)
    assert (decision.action, decision.rule, decision.matched, decision.span) == (Action.NONE, "none", "", None)


def test_behaviour_11_a_body_in_base64_is_for_the_carrier_adapter_to_decode() -> None:
    # The engine reads what it is given: such a body has no request in it and must not raise.
    assert decide("U1RPUCBwbGVhc2UsIEkgZG8gbm90IHdhbnQgdGhlc2UgdGV4dHMgYW55IG1vcmU=").action is Action.NONE


def test_behaviour_12_nul_bytes_do_not_hide_a_keyword() -> None:
    assert decide("S\x00T\x00O\x00P\x00").action is Action.OPT_OUT


@pytest.mark.parametrize("hidden", ["\u200d", "\u200c", "\u200b", "\ufeff"])
def test_behaviour_13_joiners_and_byte_order_marks_are_ignored(hidden: str) -> None:
    assert decide(f"{hidden}ST{hidden}OP{hidden}").action is Action.OPT_OUT
    assert decide(f"please{hidden} stop tex{hidden}ting me").action is Action.OPT_OUT


@given(st.text(st.sampled_from('a \n>"“”«»()-:.STOPRe\u200b👍'), max_size=80))
def test_taking_additions_away_keeps_every_place(text: str) -> None:
    stripped = strip_envelope(text)
    assert len(stripped) == len(text)
    assert all(after in (before, "\n", " ") for before, after in zip(text, stripped, strict=True))
