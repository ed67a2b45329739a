"""Look over an account's own words and its texts, and say what will not work or may not be sent.

A linter finds, it never forbids: the console and `stopgate apply` show the findings, errors first.
"""

# ruff: noqa: RUF001 - characters that look alike are what this module is about

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from unicodedata import category

from keywords.context import Context, Match, Rule
from keywords.decision import Action, Decision
from keywords.engine import decide
from keywords.folding import SILENT, fold, fold_tokens
from keywords.segments import count_segments
from keywords.tables import key_of, read_document, tables


class Severity(StrEnum):
    """ERROR: does not work, or breaks a rule. WARNING: works, but is probably not what was meant."""

    ERROR = "error"
    WARNING = "warning"


class TemplateKind(StrEnum):
    """What a text of the account is for."""

    OPT_OUT = "opt_out_message"
    OPT_IN = "opt_in_message"
    HELP = "help_message"
    OPT_IN_HINT = "opt_in_hint_message"
    DOUBLE_OPT_IN = "double_opt_in_message"
    BROADCAST = "broadcast"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Template:
    """A text the account sends.

    Args:
        id: name shown in findings.
        kind: what it is for.
        body: the text.
        language: code of the language it is in.
    """

    id: str
    kind: TemplateKind
    body: str
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something the linter found.

    Args:
        code: stable name of the check ("shadows_mandatory").
        severity: ERROR or WARNING.
        where: id of the rule or template, or "" for the account as a whole.
        message: one sentence for the admin, with the rule of law it rests on where there is one.
    """

    code: str
    severity: Severity
    where: str
    message: str


_ASKED = re.compile(
    r"\b(?:reply|text|send|respond|answer|txt|type|responda|responde|répondez|antworten? sie|antworte)\b"
    r"(?: back)?(?: with)?(?: the word)? [\"“'‘]?([A-Za-zÀ-ÿ0-9]{1,20})[\"”'’]?"
    r"(?:(?:,| or| ou| o| oder) [\"“'‘]?([A-Z0-9]{1,20})[\"”'’]?)?(?=((?: \S+){0,3}))",
    re.IGNORECASE,
)
_TO_LEAVE = re.compile(
    r"\b(?:stop|opt[ -]?out|end|quit|cancel|unsubscribe|leave|remove|baja|salir|désabonner|abmelden|sair|no more)",
    re.IGNORECASE,
)
_RETURN = re.compile(r"\b(?:START|UNSTOP|resubscribe|JOIN)\b", re.IGNORECASE)
_CONTACT = re.compile(r"\d{3}|@|https?://|www\.|\.[a-z]{2,}/", re.IGNORECASE)
_NOT_REPLIES = (TemplateKind.OTHER, TemplateKind.BROADCAST)
_KINDS_EACH_LANGUAGE_NEEDS = (TemplateKind.OPT_OUT, TemplateKind.OPT_IN, TemplateKind.HELP)


def lint_rules(
    rules: Sequence[Rule],
    templates: Sequence[Template] = (),
    *,
    brand: str = "",
    languages: Sequence[str] = (),
    switched_off: frozenset[str] = frozenset(),
) -> list[Finding]:
    """Return what is wrong with an account's rules and texts, errors first.

    Args:
        rules: the account's own rules.
        templates: the texts it sends: confirmations, help, and others that ask people to reply with a word.
        brand: the name that every reply must carry; "" skips that check.
        languages: codes of the languages its people text in; each needs its own replies.
        switched_off: ids of built-in rules that are switched off.

    Raises nothing: a rule or text that cannot be read is a finding.
    """
    findings = [
        *_lint_words(rules),
        *_lint_pairs(rules),
        *_lint_asked_words(rules, templates),
        *(finding for template in templates for finding in _lint_template(template, brand)),
        *_lint_replies(rules, brand),
        *_lint_languages(templates, languages),
        *_lint_switched_off(switched_off),
    ]
    return sorted(findings, key=lambda finding: finding.severity is not Severity.ERROR)


def _lint_words(rules: Iterable[Rule]) -> Iterator[Finding]:
    for rule in rules:
        words = [word for word in fold_tokens(rule.words) if word not in SILENT]
        if not words and not any(category(character) == "So" for character in rule.words):
            yield Finding("no_words", Severity.ERROR, rule.id, "The rule has no word in it, so it never fires.")
            continue
        if not words:
            continue  # an emoji: it means nothing else
        built_in = decide(rule.words)
        mandatory = _mandatory_word(rule, words, built_in)
        if mandatory:
            yield Finding(
                "shadows_mandatory",
                Severity.ERROR,
                rule.id,
                f"{mandatory} always means {_meaning(built_in if built_in.acts else decide(mandatory))}: "
                "no rule of your own can change it (47 CFR 64.1200(a)(10)).",
            )
        elif built_in.action is not Action.NONE and built_in.action is not rule.action:
            yield Finding(
                "shadows_built_in",
                Severity.WARNING,
                rule.id,
                f"Without this rule “{rule.words.strip()}” would be read as {_meaning(built_in)}; people who mean that "
                "will get this rule instead.",
            )


def _mandatory_word(rule: Rule, words: Sequence[str], built_in: Decision) -> str:
    """Return the mandatory word that a rule would shadow, or "" when it shadows none."""
    whole = tables().by_id.get(built_in.rule)
    if whole is not None and whole.mandatory and whole.action is not rule.action and built_in.acts:
        return whole.words[0].upper()
    if rule.match is Match.FIRST_WORD:
        for row in tables().exact.get(words[0], ()):
            if row.mandatory and row.action is not rule.action:
                return row.words[0].upper()
    return ""


def _meaning(decision: Decision) -> str:
    return {
        Action.OPT_OUT: "“no more texts”",
        Action.OPT_IN: "“start the texts again”",
        Action.HELP: "a request for help",
    }.get(decision.action, "nothing")


def _lint_pairs(rules: Iterable[Rule]) -> Iterator[Finding]:
    seen: dict[tuple[str, Match], Rule] = {}
    for rule in rules:
        slot = (key_of(fold_tokens(rule.words)), rule.match)
        first = seen.setdefault(slot, rule)
        if first is not rule and slot[0]:
            message = f"It has the same words as {first.id}, which comes first, so it never fires."
            yield Finding("same_words", Severity.ERROR, rule.id, message)


def asked_words(body: str) -> list[tuple[str, bool]]:
    """Return the words that a text asks people to reply with, and whether it asks for them as a way to leave."""
    asked: list[tuple[str, bool]] = []
    for match in _ASKED.finditer(body):
        leaving = _TO_LEAVE.search(match.group(3) or "") is not None
        asked += ((word, leaving) for word in match.group(1, 2) if word and word == word.upper())
    return asked


def _lint_asked_words(rules: Sequence[Rule], templates: Iterable[Template]) -> Iterator[Finding]:
    context = Context(rules=tuple(rules))
    for template in templates:
        for word, leaving in asked_words(template.body):
            decision = decide(word, context)
            if leaving or decision.action is Action.NONE or _is_expected(template, decision):
                continue
            severity = Severity.ERROR if decision.action is Action.OPT_OUT else Severity.WARNING
            yield Finding(
                "collides_with_question",
                severity,
                template.id,
                f"This text asks people to reply {word}, but {word} is read as {_meaning_of_rule(decision)}; "
                "no context excuses an opt-out word (47 CFR 64.1200(a)(10)). Ask for another word.",
            )


def _is_expected(template: Template, decision: Decision) -> bool:
    """Tell whether a text may ask for a word with this meaning: confirmations name START, welcome texts name HELP."""
    if decision.action is Action.HELP:
        return True
    return decision.action in (Action.OPT_IN, Action.JOIN) and template.kind not in _NOT_REPLIES


def _meaning_of_rule(decision: Decision) -> str:
    known = tables().by_id.get(decision.rule)
    return _meaning(decision) if known is not None else f"your rule {decision.rule}"


def _lint_template(template: Template, brand: str) -> Iterator[Finding]:
    if template.kind is TemplateKind.OTHER:
        return
    if template.kind is TemplateKind.BROADCAST:
        yield from _lint_broadcast(template, brand)
        return
    yield from _lint_reply(template.id, template.body, brand)
    words = set(fold(template.body).split())
    if template.kind is TemplateKind.OPT_OUT:
        marketing = sorted(words & _marketing_words())
        if marketing:
            found = ", ".join(marketing)
            message = f"A confirmation may only confirm, not advertise: {found} (47 CFR 64.1200(a)(12))."
            yield Finding("marketing_in_confirmation", Severity.ERROR, template.id, message)
        if not _RETURN.search(template.body):
            message = "It does not say how to come back, for example “Text START to get texts again.”"
            yield Finding("no_way_back", Severity.WARNING, template.id, message)
    if template.kind is TemplateKind.HELP and not _CONTACT.search(template.body):
        message = "A help reply names a phone number, e-mail address or website (Short Code Monitoring Handbook, SC-2)."
        yield Finding("no_contact", Severity.ERROR, template.id, message)
    if template.kind in (TemplateKind.OPT_IN, TemplateKind.DOUBLE_OPT_IN) and not _TO_LEAVE.search(template.body):
        message = "It does not say how to opt out (CTIA Messaging Principles 5.1.2.1)."
        yield Finding("no_way_out", Severity.ERROR, template.id, message)


def _lint_broadcast(template: Template, brand: str) -> Iterator[Finding]:
    if brand and fold(brand) not in fold(template.body):
        message = f"It does not say who it is from: put “{brand}” in it (CTIA Messaging Principles 5.1.2.1)."
        yield Finding("no_brand", Severity.WARNING, template.id, message)
    if not _TO_LEAVE.search(template.body) and "/o/" not in template.body:
        message = (
            "It does not say how to opt out, for example “Reply STOP to opt out.” (CTIA Messaging Principles 5.1.3)."
        )
        yield Finding("no_way_out", Severity.WARNING, template.id, message)


@cache
def _marketing_words() -> frozenset[str]:
    """Words that make a confirmation an advertisement (US-9: it may only confirm)."""
    return frozenset(read_document("marketing")["words"].split())


def _lint_replies(rules: Iterable[Rule], brand: str) -> Iterator[Finding]:
    for rule in rules:
        if rule.reply is not None:
            yield from _lint_reply(rule.id, rule.reply, brand)


def _lint_reply(where: str, body: str, brand: str) -> Iterator[Finding]:
    if not body.strip():
        yield Finding("empty_reply", Severity.ERROR, where, "The reply is empty.")
        return
    if brand and fold(brand) not in fold(body):
        message = f"The reply does not say who it is from: put “{brand}” in it (Short Code Monitoring Handbook, SC-3)."
        yield Finding("no_brand", Severity.ERROR, where, message)
    count = count_segments(body)
    if count.segments > 1:
        message = f"The reply takes {count.segments} segments ({count.encoding.value}); one is enough and costs less."
        yield Finding("several_segments", Severity.WARNING, where, message)


def _lint_languages(templates: Sequence[Template], languages: Iterable[str]) -> Iterator[Finding]:
    there = {(template.kind, template.language) for template in templates}
    for language in languages:
        for kind in _KINDS_EACH_LANGUAGE_NEEDS:
            if (kind, language) not in there:
                message = f"There is no {kind.value.replace('_', ' ')} in {language}, so people get another language's."
                yield Finding("missing_language", Severity.WARNING, "", message)


def _lint_switched_off(switched_off: frozenset[str]) -> Iterator[Finding]:
    for rule_id in sorted(switched_off):
        row = tables().by_id.get(rule_id)
        if row is None:
            yield Finding("unknown_rule", Severity.WARNING, rule_id, "No built-in rule has this id.")
        elif row.mandatory:
            law = "47 CFR 64.1200(a)(10)" if row.action is Action.OPT_OUT else "the carriers' rules"
            message = (
                f"{row.words[0].upper()} is switched off, but {law} asks for it; such texts are held for a person."
            )
            yield Finding("mandatory_switched_off", Severity.ERROR, rule_id, message)
