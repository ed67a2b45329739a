"""Fold a text to the words that count: one case, no accents, no invisible characters, no decoration.

CTIA Messaging Principles 5.1.3 (CT-2): capitals, punctuation and other small variances never make an opt-out invalid.
Folding works one code point at a time, so it is linear, and a place in the folded text can be traced back to the
original text.
"""

# ruff: noqa: RUF001 - characters that look alike are what this module is about

import unicodedata
from functools import cache

from keywords.lookalikes import as_latin

SENTENCE_END = "."
QUESTION = "?"
COMMA = ","
BREAK = ";"
NUMBER_SIGN = "#"
BOUNDARIES = frozenset((SENTENCE_END, QUESTION, COMMA, BREAK))
SILENT = BOUNDARIES | {NUMBER_SIGN}

_SENTENCE_MARKS = frozenset(".!…。؟।۔¡‼⁉")
_QUESTION_MARKS = frozenset("?¿؟⁇")
_COMMA_MARKS = frozenset(",:،、·")
_BREAK_MARKS = frozenset(";\n\r\v\f\x85\u2028\u2029—–―(){}[]")
_APOSTROPHES = frozenset("'’‘ʼ´`′‛＇ʹ׳")
_SPECIAL = {
    "đ": "d", "ð": "d", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ħ": "h", "ŧ": "t",
    # Arabic spellings that people do not keep apart on a phone keyboard.
    "ى": "ي", "ة": "ه", "ک": "ك", "ی": "ي", "ہ": "ه",
    # Traditional Chinese characters of opt-out phrases, read as the simplified ones the table is written in.
    **dict(zip("發給訊廣別訂閱傳單號碼請們這個無電話錯騷擾刪簡聯絡繫從幫結貴營銷斷關",
               "发给讯广别订阅传单号码请们这个无电话错骚扰删简联络系从帮结贵营销断关", strict=True)),
}  # fmt: skip
# Letters by category that nobody can see.
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u17b4\u17b5\u180e\u0640\u034f")
# Pictures that normalise to letters or digits: they are emoji to the person who sends them.
_LETTERED_PICTURES = frozenset("™ℹⓂ㊗㊙©®Ⓟ🅰🅱🅾🅿🆎🆑🆒🆓🆔🆕🆖🆗🆘🆙🆚🈁🈂🈚🈯🈲🈳🈴🈵🈶🈷🈸🈹🈺🉐🉑")
_MARKS_DROPPED = (
    (0x0300, 0x036F), (0x0483, 0x0489), (0x0591, 0x05C7), (0x0610, 0x061A), (0x064B, 0x065F), (0x0670, 0x0670),
    (0x06D6, 0x06ED), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE00, 0xFE0F), (0xFE20, 0xFE2F),
    (0xE0100, 0xE01EF),
)  # fmt: skip
# Scripts written without spaces: every character is a word of its own, so that phrases can be found inside a sentence.
_UNSPACED = (
    (0x0E00, 0x0EFF), (0x3005, 0x3007), (0x3040, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
    (0xAC00, 0xD7AF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF),
)  # fmt: skip
_NEGATIVE_LETTER_BLOCKS = ((0x1F150, 0x1F169), (0x1F170, 0x1F189))


class _FoldTable(dict[int, str]):
    """What each code point becomes; filled as characters are met, so that import costs nothing."""

    def __missing__(self, code: int) -> str:
        folded = _fold_character(chr(code))
        if len(self) < 20_000:  # a ceiling, so that a stream of odd texts cannot grow the table for ever
            self[code] = folded
        return folded


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)


def _fold_character(character: str) -> str:
    if character.isalpha() and character.casefold() == unicodedata.normalize("NFKD", character) == character:
        return _fold_letter(character)
    if character in _APOSTROPHES:
        return ""
    if character in _LETTERED_PICTURES:
        return f" {BREAK} "
    for first, last in _NEGATIVE_LETTER_BLOCKS:
        if first <= ord(character) <= last:
            return chr(ord("a") + ord(character) - first)
    plain = unicodedata.normalize("NFKC", character)
    return "".join(_fold_plain(part) for part in plain)


def _fold_plain(character: str) -> str:
    mark = _fold_mark(character)
    if mark is not None:
        return mark
    decomposed = unicodedata.normalize("NFKD", character.casefold())
    kept = "".join(
        _SPECIAL.get(part, part)
        for part in decomposed
        if not _within(ord(part), _MARKS_DROPPED) and part not in _BLANK_LETTERS
    )
    return _apart(unicodedata.normalize("NFC", kept))


def _fold_letter(character: str) -> str:
    """Fold a letter that has neither case nor accent: most of the world's letters."""
    if character in _APOSTROPHES or character in _BLANK_LETTERS:
        return ""
    return _apart(_SPECIAL.get(character, character))


def _apart(folded: str) -> str:
    return f" {folded} " if folded and _within(ord(folded[0]), _UNSPACED) else folded


def _fold_mark(character: str) -> str | None:
    """What a character that is no letter, digit or vowel sign becomes; None for those that are."""
    if character in _SENTENCE_MARKS and character not in _QUESTION_MARKS:
        return f" {SENTENCE_END} "
    for marks, token in ((_QUESTION_MARKS, QUESTION), (_COMMA_MARKS, COMMA), (_BREAK_MARKS, BREAK), ("#", "#")):
        if character in marks:
            return f" {token} "
    if character in _APOSTROPHES:
        return ""
    category = unicodedata.category(character)
    if category == "So" or (category == "Sk" and ord(character) > 0x1F000):
        return f" {BREAK} "
    if character == "*":
        return ""  # "f***ing" and "s*t*o*p" are one word
    if category[0] in "ZPS" or character == "\t":
        return " "
    if category[0] == "C":
        return " " if category in ("Cn", "Co") else ""
    return None


FOLD = _FoldTable()


def fold_tokens(text: str) -> list[str]:
    """Return the folded words of `text`, with one token for each sentence end, comma, break and question mark.

    Raises nothing, whatever the text.
    """
    if text.isascii():
        return _fold_ascii(_with_dashes(text))
    # A keycap is a digit with a frame: an emoji to people, and folding would leave the digit behind.
    if "\u20e3" in text:
        text = _without_keycaps(text)
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    folded = _with_dashes(text).translate(FOLD)
    if not folded.isascii():
        if not unicodedata.is_normalized("NFC", folded):
            folded = unicodedata.normalize("NFC", folded)
        return [token if token.isascii() else as_latin(token) for token in folded.split()]
    return folded.split()


def _fold_ascii(text: str) -> list[str]:
    """Fold an ASCII text as `FOLD` does, one character for one, which `str.translate` does many times quicker."""
    letters, marks = _ascii_table()
    folded = text.translate(letters)
    for mark in marks:
        if mark in folded:
            folded = folded.replace(mark, f" {mark} ")
    return folded.split()


@cache
def _ascii_table() -> tuple[dict[int, str | None], tuple[str, ...]]:
    """Return what `FOLD` makes of each ASCII character, blanks left out, and the marks that get blanks around them."""
    folded = {code: FOLD[code] for code in range(128)}
    marks = {part.strip() for part in folded.values() if part.strip() and part != part.strip()}
    return {code: part.strip() or (" " if part else None) for code, part in folded.items()}, tuple(sorted(marks))


def _with_dashes(text: str) -> str:
    """Return `text` with a hyphen between blanks as the dash it stands for: "Unsubscribe - moved to Ohio"."""
    return text.replace(" - ", " ; ").replace(" -- ", " ;; ") if " -" in text else text


def _without_keycaps(text: str) -> str:
    characters = list(text)
    for place, character in enumerate(characters):
        if character != "\u20e3":
            continue
        characters[place] = " "
        back = place - 1
        if back > 0 and characters[back] == "\ufe0f":
            back -= 1
        if back >= 0 and characters[back] in "0123456789#*":
            characters[back] = " "
    return "".join(characters)


def fold(text: str) -> str:
    """Return `text` folded: words parted by one space, `.` `,` `;` `?` standing for its sentence and clause ends.

    Folding a folded text changes nothing. Raises nothing, whatever the text.
    """
    return " ".join(fold_tokens(text))


def token_spans(text: str, tokens: list[str]) -> list[tuple[int, int]] | None:
    """Return where each token stands in `text`, or None when characters were composed and cannot be traced.

    Called only once a rule has fired: finding words must stay quick, finding their places need not.
    """
    spans: list[tuple[int, int]] = []
    letters = 0
    start = -1
    place = 0
    for position, character in enumerate(_with_dashes(text)):
        for part in FOLD[ord(character)]:
            if part == " ":
                if letters:
                    spans.append((start, place))
                    letters = 0
                continue
            if not letters:
                start = position
            letters += 1
            place = position + 1
    if letters:
        spans.append((start, place))
    return spans if len(spans) == len(tokens) else None
