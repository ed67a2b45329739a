"""What the engine answers: an action, how sure it is, and why."""

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What a text asks for."""

    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    HELP = "help"
    JOIN = "join"
    REPLY = "reply"
    NONE = "none"


class Certainty(StrEnum):
    """How the text was read.

    EXACT: a keyword is the whole body after folding. CLEAR: a reasonable person would read it so
    (47 CFR 64.1200(a)(10)). UNSURE: reasonable people differ, so a person decides and broadcasts wait.
    """

    EXACT = "exact"
    CLEAR = "clear"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a text asks for and the row that says so.

    Args:
        action: what to do.
        certainty: how sure. `NONE` is always EXACT or CLEAR; a text that is held has the action it might be
            asking for (nearly always OPT_OUT) and UNSURE.
        rule: id of the table row or custom rule that fired ("en.opt_out.stop", "none" when nothing did).
        matched: the part of the original text, as it was typed, that made the rule fire; "" for none.
        language: code of the row's language ("en", "pt-BR"), or None when no row fired.
        explanation: one sentence in plain English for the person who reads the journal.
        audience: the audience a JOIN names.
        reply: the text a custom rule answers with.
        span: start and end of `matched` in the original text, or None.
    """

    action: Action
    certainty: Certainty
    rule: str
    matched: str
    language: str | None
    explanation: str
    audience: str | None = None
    reply: str | None = None
    span: tuple[int, int] | None = None

    @property
    def acts(self) -> bool:
        """True when something is to be done at once, False for nothing to do and for texts held for a person."""
        return self.action is not Action.NONE and self.certainty is not Certainty.UNSURE

    @property
    def held(self) -> bool:
        """True when a person has to read the text."""
        return self.certainty is Certainty.UNSURE
