"""The navigation of the console: groups of pages, of which each person sees those they may open."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app, request

from gateway.console.access import PAGES, can


@dataclass(frozen=True, slots=True)
class Entry:
    """One link. here: the page that is shown, or one below it."""

    label: str
    endpoint: str
    here: bool = False


GROUPS: Sequence[tuple[str, Sequence[tuple[str, str]]]] = (
    ("", (("Home", "account.home"),)),
    ("People", (
        ("Opt-outs", "account.opt_outs"), ("Review", "account.reviews"),
        ("Conversations", "account.conversations"), ("Broadcasts", "account.broadcasts"),
    )),
    ("Lists", (("Contacts", "account.contacts"), ("Audiences", "account.audiences"), ("Imports", "account.imports"))),
    ("Answers", (("Keywords", "account.keywords"), ("Replies", "account.replies"), ("Senders", "account.senders"))),
    ("Reports", (("Incoming", "account.incoming"), ("Journal", "account.journal"), ("Unrouted", "account.unrouted"))),
    ("Account", (
        ("Settings", "account.settings"), ("Users", "account.users"), ("API keys", "account.api_keys"),
        ("Events", "account.events"), ("System", "account.system"),
    )),
)  # fmt: skip
"""Title, then label and endpoint. A page belongs to the entry whose address its own begins with."""


def navigation() -> list[tuple[str, list[Entry]]]:
    """The groups that are not empty for this person, with the entry of this page marked."""
    shown = []
    for title, entries in GROUPS:
        links = [
            Entry(label, endpoint, here=_is_here(endpoint))
            for label, endpoint in entries
            if endpoint in current_app.view_functions and can(PAGES[endpoint])
        ]
        if links:
            shown.append((title, links))
    return shown


def _is_here(endpoint: str) -> bool:
    if request.endpoint == endpoint:
        return True
    own = next(iter(current_app.url_map.iter_rules(endpoint))).rule.rstrip("/")
    rule = request.url_rule.rule if request.url_rule else ""
    return endpoint != "account.home" and rule.startswith(f"{own}/")
