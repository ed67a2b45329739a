"""What the engine may know besides the text: the account's rules, its languages, what was asked and printed."""

from dataclasses import dataclass, field
from enum import StrEnum

from keywords.decision import Action


class Match(StrEnum):
    """How a custom rule's words have to stand in the text, after folding."""

    WHOLE = "whole"
    FIRST_WORD = "first_word"
    PHRASE = "phrase"


@dataclass(frozen=True, slots=True)
class Rule:
    """One of the account's own words or phrases.

    Args:
        id: stable name shown in decisions; the account's own ("acme.join").
        words: what the person texts, as the account wrote it.
        action: OPT_OUT, OPT_IN, HELP, JOIN or REPLY.
        match: whole body, first word, or phrase anywhere.
        audience: the audience a JOIN names.
        reply: the text to answer with.
    """

    id: str
    words: str
    action: Action
    match: Match = Match.WHOLE
    audience: str | None = None
    reply: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """A question this sender asked the person and still waits for.

    Args:
        kind: "double_opt_in" (may we text you?) or "clarification" (which audiences do you mean?).
        yes: words that confirm, as printed in the question ("Y", "YES").
        options: for a clarification, the words that may be answered and the audience each names.
    """

    kind: str
    yes: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """Everything about the conversation that may change how a text is read.

    Args:
        rules: the account's own words.
        languages: codes whose tables apply; None means all.
        pending: the question the person was asked, if any is open.
        instructions: opt-out instructions the sender printed in its last texts ("Stop2End"), as printed.
        carrier_action: what the carrier says it already did with this text (Twilio's OptOutType), if anything.
        switched_off: rule ids the account switched off; a switched-off opt-out word is held, never ignored.
    """

    rules: tuple[Rule, ...] = ()
    languages: tuple[str, ...] | None = None
    pending: Pending | None = None
    instructions: tuple[str, ...] = ()
    carrier_action: Action | None = None
    switched_off: frozenset[str] = field(default_factory=frozenset)
