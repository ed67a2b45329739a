"""One plain-English sentence for each decision, for the person who reads the journal."""

import re

from keywords.decision import Action, Certainty
from keywords.hit import Hit, Manner
from keywords.rows import Row

NOTHING = "No keyword and no request was found in the text."
EMPTY = "The text has no words in it."

_ASKS = {
    Action.OPT_OUT: "asks to get no more texts",
    Action.OPT_IN: "asks for the texts to start",
    Action.HELP: "asks for help",
    Action.JOIN: "asks to join",
    Action.REPLY: "asks for an answer",
    Action.NONE: "asks for nothing",
}
_DECORATION = re.compile(r"^\W+|\W+$")
_LONGEST_SHOWN = 40
_HELD = " A person has to decide."
_SWITCHED_OFF = " The account switched this rule off, so a person has to decide."


def explain(hit: Hit, matched: str, *, switched_off: bool = False) -> str:
    """Return the sentence for a hit of the tables. `matched` is the part of the original text that fired it."""
    sentence = _sentence(hit, " ".join(matched.split()))
    if switched_off:
        return sentence + _SWITCHED_OFF
    return sentence + _HELD if hit.certainty is Certainty.UNSURE else sentence


def _sentence(hit: Hit, matched: str) -> str:
    row = hit.row
    keyword = keyword_of(row)
    quoted = f"“{matched}”"
    if hit.manner is Manner.WHOLE:
        if row.certainty is Certainty.UNSURE:
            return f"The whole text is {quoted}, which {_unsure_reading(row)}."
        typed = _DECORATION.sub("", matched).upper()
        return f"The whole text is the keyword {typed if len(typed) <= _LONGEST_SHOWN else keyword}."
    if hit.manner is Manner.PHRASE:
        return f"{quoted} {row.says or _ASKS[row.action]}."
    return _KEYWORD_SENTENCES[hit.manner].format(quoted=quoted, keyword=keyword)


_KEYWORD_SENTENCES = {
    Manner.IMITATED: "{quoted} is the keyword {keyword} written with look-alike characters.",
    Manner.REPEATED: "{quoted} is the keyword {keyword} repeated or drawn out.",
    Manner.COMPOUND: "{quoted} puts the keyword {keyword} together with another one, as senders often print it.",
    Manner.COURTESY: "{quoted} is the keyword {keyword} with only courtesy or anger around it.",
    Manner.SLIP: "{quoted} is the keyword {keyword} with a slip of the finger.",
    Manner.CLAUSE: "One part of the text is the keyword {keyword} by itself.",
    Manner.WORD: "The text has the keyword {keyword} in a place where it is likely meant as a request.",
    Manner.INSTRUCTION: "{quoted} is what the sender's last text told people to reply with to leave.",
}


def _unsure_reading(row: Row) -> str:
    return row.says or "may or may not be a request to stop"


def keyword_of(row: Row) -> str:
    """Return the row's first keyword as people write it."""
    return row.words[0].upper() if row.words else row.id


def explain_none(row: Row, matched: str) -> str:
    """Return the sentence for a text that only looks like a request."""
    return f"“{' '.join(matched.split())}” {row.says or 'is no request'}, so nothing was asked for."
