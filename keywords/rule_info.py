"""A rule id resolved: which row it is, what it says, and where it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from keywords.context import Rule
from keywords.decision import Action, Certainty
from keywords.rows import Row, Tier
from keywords.tables import read_document, tables


@dataclass(frozen=True, slots=True)
class Source:
    """Where a row comes from: a law, an industry rule, a provider's list, a public repository, or ourselves."""

    id: str
    title: str
    url: str
    kind: str


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """A rule id resolved: its row, and the source that names it."""

    id: str
    language: str | None
    action: Action
    tier: Tier
    certainty: Certainty
    words: tuple[str, ...]
    verified: bool
    mandatory: bool
    law: str | None
    source: Source
    summary: str


def explain_rule(rule_id: str, rules: tuple[Rule, ...] = ()) -> RuleInfo:
    """Return the row behind the rule id of a decision, and its source.

    Args:
        rule_id: `Decision.rule` ("en.opt_out.stop", "carrier.opt_out", "pending.yes", "none").
        rules: the account's own rules, if the id may be one of theirs.

    Raises:
        KeyError: no table and no rule has this id.
    """
    for rule in rules:
        if rule.id == rule_id:
            return _custom_info(rule)
    row = tables().by_id.get(rule_id)
    if row is None:
        raise KeyError(f"no rule has the id {rule_id!r}")
    return _info(row)


@cache
def all_rules() -> tuple[RuleInfo, ...]:
    """Return every built-in rule, in the order of the tables, for lists and settings pages."""
    return tuple(_info(row) for row in tables().rows)


@cache
def all_sources() -> Mapping[str, Source]:
    """Return every source that a row may name, by id."""
    return {name: Source(id=name, **fields) for name, fields in read_document("sources").items()}


def _info(row: Row) -> RuleInfo:
    return RuleInfo(
        id=row.id,
        language=None if row.language == "und" else row.language,
        action=row.action,
        tier=row.tier,
        certainty=row.certainty,
        words=row.words,
        verified=row.verified,
        mandatory=row.mandatory,
        law=row.law,
        source=all_sources()[row.source],
        summary=_summary(row),
    )


def _summary(row: Row) -> str:
    if row.tier is Tier.EXACT:
        words = ", ".join(word.upper() for word in row.words[:5])
        return f"Keywords such as {words}: {row.says or _ACTION_SENTENCES[row.action]}."
    return f"A text that {row.says}."


_ACTION_SENTENCES = {
    Action.OPT_OUT: "no more texts",
    Action.OPT_IN: "start the texts",
    Action.HELP: "help, or who is texting",
    Action.JOIN: "join an audience",
    Action.REPLY: "an automatic answer",
    Action.NONE: "nothing",
}


def _custom_info(rule: Rule) -> RuleInfo:
    return RuleInfo(
        id=rule.id,
        language=None,
        action=rule.action,
        tier=Tier.EXACT,
        certainty=Certainty.EXACT,
        words=(rule.words,),
        verified=True,
        mandatory=False,
        law=None,
        source=Source("account", "The account's own rules", "", "account"),
        summary=f"The account's own keyword {rule.words.strip().upper()}.",
    )
