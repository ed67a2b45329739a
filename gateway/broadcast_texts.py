"""What a broadcast says: its variables, how it looks on a phone, what it costs, and what the linter says of it."""

import re

from gateway.errors import NotAllowed
from gateway.linting import Preview, brand_of
from gateway.situation import context_for
from keywords import Finding, Severity, Template, TemplateKind, count_segments, lint_rules
from store.directory import Account

MOST_CHARACTERS = 1600
BRAND, OPT_OUT_LINK = "{brand}", "{opt_out_link}"
VARIABLES = {BRAND: "the name of the account", OPT_OUT_LINK: "the person's own link to opt out"}
"""What a text may contain, and what takes its place."""

_NO_WAY_OUT = "no_way_out"
_VARIABLE = re.compile(r"\{[^{}\n]{0,40}\}")
# As long as a token of gateway/opt_out_links.py: 24 bytes in base64.
_EXAMPLE_END = "A" * 32


def refuse_unknown_variables(body: str) -> None:
    """Refuse a text with a variable that nobody fills: people would get it as it stands.

    Raises:
        NotAllowed: unknown_variable.
    """
    unknown = next((found for found in _VARIABLE.findall(body) if found not in VARIABLES), None)
    if unknown:
        raise NotAllowed("unknown_variable", f"Nothing takes the place of {unknown}. Use {' or '.join(VARIABLES)}.")


def text_for(account: Account, body: str) -> str:
    """The text with everything in it that is the same for all; {opt_out_link} is filled for each person."""
    return body.replace(BRAND, brand_of(account))


def preview(account: Account, body: str, *, public_url: str | None, sender: str = "") -> Preview:
    """How a broadcast would look on a phone.

    Args:
        account: whose.
        body: with variables.
        public_url: where opt-out links lead.
        sender: where it would come from; replies go there, so its keywords are looked at.
    """
    link = f"{public_url or 'https://example.com'}/o/{_EXAMPLE_END}"
    text = text_for(account, body).replace(OPT_OUT_LINK, link)
    count = count_segments(text)
    senders = [one for one in account.senders if one.address == sender] or list(account.senders[:1])
    rules = context_for([(account, one) for one in senders]).rules
    template = Template("text", TemplateKind.BROADCAST, text)
    findings = [one for one in lint_rules(rules, (template,), brand=brand_of(account)) if one.where == template.id]
    if sender and OPT_OUT_LINK not in body and any(one.kind == "alphanumeric" for one in senders):
        message = f"It names no way out: nobody can reply to {sender}. Put {OPT_OUT_LINK} in it."
        findings = [one for one in findings if one.code != _NO_WAY_OUT]
        findings.insert(0, Finding(_NO_WAY_OUT, Severity.ERROR, template.id, message))
    return Preview(text, count.encoding.value, count.segments, tuple(findings))
