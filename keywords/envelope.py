"""Take away what the phone wrote: reactions, quoted originals, signatures, effects, subject prefixes.

What is taken away becomes a line break and blanks, so that every place in the rest keeps its number. A reaction to, or
a quotation of, our own "Reply STOP" footer is not a request (behaviour 14). A person's own words in quotation marks
are.
"""

# ruff: noqa: RUF001 - characters that look alike are what this module is about

import re
from itertools import islice

_QUOTES = re.compile("[“”„«»‹›「」『』＂]")
_PREFIXES = ("re", "fw", "aw", "wg", "rv", "tr", "subject", "antw")
_SIGNATURE_STARTS = ("sent from", "enviado d", "envoyé de", "von meinem", "inviato da")
_TAIL = 120
_LONGEST_NAME = 40
_SUBJECT_LENGTH = 16
_BEFORE = 60
_LONG_QUOTATION_WORDS = 8
_REACTED_TO_WORDS = 4
_LONGEST_FOOTER = 1000


def strip_envelope(text: str) -> str:
    """Return `text` with everything that the phone added overwritten by blanks; the length stays the same.

    A text that is nothing but such additions keeps its words only when they are the person's own in quotation marks.
    Raises nothing; linear in the text.
    """
    if not _may_have_marks(text):
        return text
    from keywords import phone_marks as marks  # few texts have any, and compiling these takes a while

    text = _strip_subject(text, marks.SUBJECT.match(text))
    if "\n" in text or "\r" in text:
        text = _strip_lines(text, marks.ORIGINAL, marks.LINE_QUOTE, marks.SIGNATURE)
    text = _blank(text, marks.INLINE_SIGNATURE.search(text, max(0, len(text) - _TAIL)))
    if text[:1] not in "-–—~":
        signed = _blank(text, marks.SIGNED_NAME.search(text, max(0, len(text) - _LONGEST_NAME)))
        text = signed if marks.WORD.search(signed) else text  # "- Help" and nothing else is no signature
    if "(" in text:
        text = _blank(text, marks.EFFECT.search(text, max(0, len(text) - _TAIL)))
    return _strip_quotations(text)


def _may_have_marks(text: str) -> bool:
    """Tell quickly that a text has nothing to take away, which is so for most."""
    if '"' in text or ">" in text or "(" in text or "\n" in text or "\r" in text:
        return True
    if not text.isascii() and _QUOTES.search(text) is not None:
        return True
    if ":" in text[:_SUBJECT_LENGTH] and text.lstrip().lower().startswith(_PREFIXES):
        return True
    if " -" in text[-_LONGEST_NAME:]:
        return True
    tail = text[-_TAIL:].lower()
    for start in _SIGNATURE_STARTS:  # noqa: SIM110 - this runs for every text, and a generator takes three times as long
        if start in tail:
            return True
    return False


def _blank(text: str, match: re.Match[str] | None) -> str:
    if match is None:
        return text
    return text[: match.start()] + _gap(match.end() - match.start()) + text[match.end() :]


def _gap(length: int) -> str:
    """Return what stands in for `length` characters taken away: one break, so that clauses stay apart, and blanks."""
    return "\n" + " " * (length - 1) if length else ""


def _strip_subject(text: str, match: re.Match[str] | None) -> str:
    if match is None:
        return text
    line_end = text.find("\n", match.end())
    has_body = line_end >= 0 and text[line_end:].strip() != ""
    end = line_end if has_body else match.end()
    return _gap(end) + text[end:]


def _strip_lines(text: str, original: re.Pattern[str], quote: re.Pattern[str], signature: re.Pattern[str]) -> str:
    found = original.search(text)
    if found is not None and text[: found.start()].strip():
        text = text[: found.start()] + _gap(len(text) - found.start())
    without_quotes = quote.sub(_same_length, text)
    if not without_quotes.strip():
        without_quotes = text  # "> STOP" and nothing else: the words are the person's own
    without_signature = signature.sub(_same_length, without_quotes)
    return without_signature if without_signature.strip() else without_quotes


def _same_length(match: re.Match[str]) -> str:
    return _gap(len(match.group()))


def _strip_quotations(text: str) -> str:
    from keywords.phone_marks import QUOTED

    pieces: list[str] = []
    position = 0
    for match in QUOTED.finditer(text):
        if _is_quotation(text, match):
            pieces += (text[position : match.start()], _gap(len(match.group())))
            position = match.end()
    return "".join(pieces) + text[position:]


def _is_quotation(text: str, match: re.Match[str]) -> bool:
    """Tell a quotation of somebody else's text from a person's own words in quotation marks."""
    from keywords.phone_marks import EMOJI_ONLY, FOOTER, REACTION

    before = text[max(0, match.start() - _BEFORE) : match.start()]
    quoted = match.group(1)
    if match.start() <= _BEFORE and before.strip():
        if REACTION.match(before):
            return True
        # An emoji before somebody's own short words in quotation marks is no reaction.
        if EMOJI_ONLY.match(before) and _has_words(quoted, _REACTED_TO_WORDS):
            return True
    if not before.strip() and not text[match.end() : match.end() + _BEFORE].strip():
        return False
    if FOOTER.search(quoted[:_LONGEST_FOOTER]):
        return True
    return _has_words(quoted, _LONG_QUOTATION_WORDS + 1)


def _has_words(text: str, number: int) -> bool:
    """Tell whether a text has so many words; punctuation standing alone is none."""
    from keywords.phone_marks import WORD

    return sum(1 for _ in islice(WORD.finditer(text), number)) == number
