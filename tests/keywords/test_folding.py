"""Folding: what does not count is gone, what is left can be traced back, and folding twice changes nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywords import fold
from keywords.folding import fold_tokens, token_spans
from keywords.lookalikes import as_latin, shape_of

ODD = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("ｶﾞ\u3099\u309aᄀ\u1161\u11a8①ⓢ🅂🅰ﬁßİıǆ½\u0958\u20e3\ufe0f\u200d꙳ͅἂ\u0345ΣςŁøÆ"),
    ),
    max_size=60,
)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("STOP", "stop"),
        ("  Stop\u00a0 please ", "stop please"),
        ("Don’t", "dont"),
        ("ARRÊT", "arret"),
        ("İPTAL", "iptal"),
        ("hủy đăng ký", "huy dang ky"),
        ("Straße", "strasse"),
        ("ＳＴＯＰ", "stop"),
        ("𝐐𝐔𝐈𝐓", "quit"),
        ("🅂🅃🄾🄿", "stop"),
        ("🅢🅣🅞🅟", "stop"),
        ("S\u200bT\u00adO\u202eP", "stop"),
        ("STOP\x00", "stop"),
        ("sтoр", "stop"),
        ("стоп", "стоп"),
        ("ꜱᴛᴏᴘ", "stop"),
        ("Stop! Now?", "stop . now ?"),
        ("a, b\nc", "a , b ; c"),
        ("退订", "退 订"),
        ("退訂", "退 订"),
        ("수신거부", "수 신 거 부"),
        ("إلغاء", "الغاء"),
        ("बंद करो", "बंद करो"),
        ("STOP🛑", "stop ;"),
        ("1️⃣", ""),
        ("🇺🇸", "; ;"),
        ("", ""),
    ],
)
def test_folding_keeps_only_what_counts(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(ODD)
def test_folding_a_folded_text_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(ODD)
def test_every_folded_word_is_traced_to_its_place_in_the_text(text: str) -> None:
    tokens = fold_tokens(text)
    spans = token_spans(text, tokens)
    if spans is None:  # composed characters cannot be traced one by one
        return
    for (start, end), token in zip(spans, tokens, strict=True):
        assert 0 <= start < end <= len(text)
        assert token in fold(text[start:end]).split()


def test_a_word_that_mixes_alphabets_is_read_as_the_latin_word_it_imitates() -> None:
    assert as_latin("sтор") == "stop"
    assert as_latin("стоп") == "стоп"
    assert shape_of("ѕтор") == "stop"
    assert shape_of("отписка") is None
