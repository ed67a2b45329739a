"""What a tier found: the row, how sure, which words, and how they stood in the text."""

from enum import StrEnum
from typing import NamedTuple

from keywords.decision import Certainty
from keywords.rows import Row


class Manner(StrEnum):
    """How a row stood in the text; the explanation is worded by it."""

    WHOLE = "whole"
    IMITATED = "imitated"
    REPEATED = "repeated"
    COMPOUND = "compound"
    COURTESY = "courtesy"
    SLIP = "slip"
    CLAUSE = "clause"
    WORD = "word"
    PHRASE = "phrase"
    INSTRUCTION = "instruction"
    CARRIER = "carrier"
    PENDING = "pending"
    CUSTOM = "custom"


class Hit(NamedTuple):
    """A row that fired.

    Args:
        row: the row.
        certainty: how sure, all things considered.
        manner: how its words stood in the text.
        start: number of the first word that made it fire, or None for the whole text.
        end: number of the word after the last one.
    """

    row: Row
    certainty: Certainty
    manner: Manner
    start: int | None = None
    end: int | None = None
