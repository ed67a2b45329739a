"""Who answers a keyword: the carrier's network, the carrier, or we (design §6). Exactly one of them does (G4)."""

from collections.abc import Mapping
from enum import StrEnum

from keywords import Action


class Handling(StrEnum):
    """How keywords are handled for one text."""

    CARRIER = "carrier"
    ADVANCED = "advanced"
    TOLL_FREE = "toll_free"
    GATEWAY = "gateway"
    ONE_WAY = "one_way"


class Words(StrEnum):
    """Whose words a text used: ones the carrier acts on by itself, or ones that only we understood."""

    CARRIERS = "carriers"
    OURS = "ours"


class Who(StrEnum):
    """Who answers."""

    US = "us"
    SILENT = "silent"


_US_ALWAYS = dict.fromkeys(Words, Who.US)
_SILENT_ALWAYS = dict.fromkeys(Words, Who.SILENT)
_CARRIER_KNOWS = {Words.CARRIERS: Who.SILENT, Words.OURS: Who.US}

MATRIX: Mapping[Handling, Mapping[Action, Mapping[Words, Who]]] = {
    Handling.CARRIER: {
        Action.OPT_OUT: _CARRIER_KNOWS,
        Action.OPT_IN: _SILENT_ALWAYS,
        Action.HELP: _CARRIER_KNOWS,
    },
    Handling.ADVANCED: {
        Action.OPT_OUT: _CARRIER_KNOWS,
        Action.OPT_IN: _SILENT_ALWAYS,
        Action.HELP: _SILENT_ALWAYS,
    },
    # The network answers STOP, START and UNSTOP and cannot be told not to (TF-1, TF-2).
    Handling.TOLL_FREE: {
        Action.OPT_OUT: _CARRIER_KNOWS,
        Action.OPT_IN: _SILENT_ALWAYS,
        Action.HELP: _CARRIER_KNOWS,
    },
    Handling.GATEWAY: {
        Action.OPT_OUT: _US_ALWAYS,
        Action.OPT_IN: _US_ALWAYS,
        Action.HELP: _US_ALWAYS,
    },
    Handling.ONE_WAY: {
        Action.OPT_OUT: _SILENT_ALWAYS,
        Action.OPT_IN: _SILENT_ALWAYS,
        Action.HELP: _SILENT_ALWAYS,
    },
}


def handling_of(kind: str, handled_by: str, *, carrier_acted: bool) -> Handling:
    """How keywords are handled for a text.

    Args:
        kind: the sender's kind.
        handled_by: "carrier" or "gateway", as the sender is configured.
        carrier_acted: the carrier said with this very text that it acted on it (Advanced Opt-Out). It is trusted
            over the configuration.
    """
    if kind == "alphanumeric":
        return Handling.ONE_WAY
    if carrier_acted:
        return Handling.ADVANCED
    if kind == "toll_free":
        return Handling.TOLL_FREE
    if kind == "short_code" or handled_by == "gateway":
        return Handling.GATEWAY
    return Handling.CARRIER


def who_answers(handling: Handling, action: Action, words: Words) -> Who:
    """Who answers a text that asks for an action. A join word or an account's own word is always ours."""
    if handling is Handling.ONE_WAY:
        return Who.SILENT
    return MATRIX[handling].get(action, _US_ALWAYS)[words]
