"""What a table holds: rows."""

from enum import StrEnum
from typing import NamedTuple

from keywords.decision import Action, Certainty


class Tier(StrEnum):
    """How a row has to stand in the text."""

    EXACT = "exact"  # the whole text, or the whole text but for courtesy, or with one slip of the finger
    PHRASE = "phrase"  # anywhere in the text
    CONTEXT = "context"  # what the conversation says: the carrier, an open question, an instruction we printed


class Row(NamedTuple):
    """One row of a table.

    Args:
        id: stable name ("en.opt_out.stop").
        language: code of the table it is in.
        action: what it asks for; NONE rows say which words ask for nothing and silence what they cover.
        tier: how its words have to stand in the text.
        certainty: UNSURE rows hold the text for a person; others act.
        source: id of its source.
        verified: False when nobody here can vouch for the wording; it then acts only as the whole text.
        words: its keywords (EXACT) or its patterns (PHRASE).
        says: what a text with this phrase does, for the explanation ("asks to be taken off the list").
        law: id of the rule that asks for it (regulation.md), if any.
        silences: for a NONE row, the action that its words are not.
        firm: for a NONE row, whether it takes away a request that it only touches ("don't" before "stop texting me");
            any other takes away only what it covers.
        mandatory: a word that works in every language setting and that no rule can shadow.
        clause: whether it is still a request as one clause of a longer text: "always", "last" (when it is the last
            clause, or the others go with a request), or "" (only when the others are nothing but that).
        slips: one slip of the finger is forgiven.
        accents: only with the accents as the table has them, because without them it is another word.
        alone: only as the bare whole text, with no courtesy around it.
    """

    id: str
    language: str
    action: Action
    tier: Tier
    certainty: Certainty
    source: str
    verified: bool
    words: tuple[str, ...]
    says: str = ""
    law: str | None = None
    silences: Action = Action.OPT_OUT
    firm: bool = False
    mandatory: bool = False
    clause: str = ""
    slips: bool = False
    accents: bool = False
    alone: bool = False
