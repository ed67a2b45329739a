"""What will not work, or may not be sent, among an account's own words and texts; and previews of its texts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.account_settings import ACCOUNT_SETTINGS, TEXT_BY_LANGUAGE, setting_of
from gateway.reply_texts import LANGUAGES, reply_text
from gateway.situation import context_for
from keywords import Finding, Template, TemplateKind, count_segments, lint_rules
from store.directory import Account

TEXT_NAMES = tuple(name for name, setting in ACCOUNT_SETTINGS.items() if setting.kind == TEXT_BY_LANGUAGE)
_KINDS = {kind.value: kind for kind in TemplateKind}
# What stands in for the variables when a text is only looked at.
_EXAMPLES = {"keyword": "STOP", "audience": "weekly news", "options": "NEWS, OFFERS"}


@dataclass(frozen=True, slots=True)
class Preview:
    """A text as a person would get it, and what it costs. findings: what the linter says of it."""

    text: str
    encoding: str
    segments: int
    findings: tuple[Finding, ...]


def brand_of(account: Account) -> str:
    """The name that every reply has to carry."""
    return str(setting_of(account.settings, "brand") or account.name)


def preview(account: Account, name: str, language: str, body: str | None = None) -> Preview:
    """How a text of an account would look on a phone.

    Args:
        account: whose text.
        name: one of TEXT_NAMES.
        language: one of reply_texts.LANGUAGES.
        body: a text to try instead of the account's own, or None.
    """
    settings: Mapping[str, Any] = account.settings
    if body is not None:
        settings = {**settings, name: {language: body}}
    sender = account.senders[0].address if account.senders else ""
    contact = str(setting_of(settings, "help_contact"))
    values = {"brand": brand_of(account), "sender": sender, "help_contact": contact, **_EXAMPLES}
    text = reply_text(name, settings, language, values)
    count = count_segments(text)
    template = Template(name, _KINDS.get(name, TemplateKind.OTHER), text, language)
    findings = lint_rules((), (template,), brand=brand_of(account))
    return Preview(text, count.encoding.value, count.segments, tuple(findings))


def lint(account: Account) -> list[Finding]:
    """Everything the linter says of an account's words and own texts, errors first."""
    templates = [
        Template(
            f"{name}.{language}", _KINDS.get(name, TemplateKind.OTHER), preview(account, name, language).text, language
        )
        for name in TEXT_NAMES
        for language in LANGUAGES
        if setting_of(account.settings, name).get(language)
    ]
    context = context_for([(account, sender) for sender in account.senders[:1]])
    off = frozenset([*account.keywords_off, *(rule for sender in account.senders for rule in sender.keywords_off)])
    return lint_rules(context.rules, templates, brand=brand_of(account), switched_off=off)


def findings_about(account: Account) -> list[str]:
    """The findings as lines for the diff of `stopgate apply`."""
    return [f"{finding.severity.value}: {finding.where}: {finding.message}" for finding in lint(account)]
