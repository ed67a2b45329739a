"""Who may do what in the console: the roles people have in an account, and what each role may do, in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass

OWNER, ADMIN, AGENT, VIEWER = "owner", "admin", "agent", "viewer"

ROLES: Mapping[str, str] = {
    OWNER: "Everything, other owners included.",
    ADMIN: "Runs the account: lists, imports, keywords, replies, settings, people.",
    AGENT: "Answers people and opts them out: the one called messenger elsewhere.",
    VIEWER: "Looks and changes nothing.",
}
"""Roles, strongest first, and what each is for."""

_ALL = frozenset(ROLES)
_RUN = frozenset({OWNER, ADMIN})
_ANSWER = frozenset({OWNER, ADMIN, AGENT})


@dataclass(frozen=True, slots=True)
class Capability:
    """Something that may be done. everywhere: only with a role in all accounts, as it is about all of them."""

    sentence: str
    roles: frozenset[str]
    everywhere: bool = False


CAPABILITIES: Mapping[str, Capability] = {
    "look": Capability("See lists, numbers, reports and the reason for every block", _ALL),
    "answer": Capability("Read and answer conversations", _ANSWER),
    "opt_out": Capability("Opt a person out", _ANSWER),
    "lift": Capability("Lift what an admin may lift, with a reason", _RUN),
    "review": Capability("Decide texts that wait for a person", _RUN),
    "lists": Capability("Import and undo imports, change contacts and audiences", _RUN),
    "export": Capability("Export lists and proof files", _RUN),
    "broadcast": Capability("Write and send broadcasts", _RUN),
    "erase": Capability("Erase what is kept about a person", _RUN),
    "configure": Capability("Change keywords, replies, senders and settings", _RUN),
    "connect": Capability("Make API keys and outgoing events", _RUN),
    "people": Capability("Add people and choose what they may do", _RUN),
    "owners": Capability("Make somebody an owner, or owners somebody else", frozenset({OWNER})),
    "system": Capability("See the system and texts that belong to no account", _RUN, everywhere=True),
}
"""What can be done, in the order in which the users page shows it."""


def may(role: str | None, capability: str) -> bool:
    """True when a role includes a capability."""
    return role is not None and role in CAPABILITIES[capability].roles


KEY_ROLES: Mapping[str, str] = {
    "send": "send texts and check numbers",
    "read": "read opt-outs, texts, reports and the journal, and check numbers",
    "manage": "send, read, opt people out, change lists",
    "admin": "everything, settings and keys too",
}
"""What an API key may do, by its role; which route asks for which is gateway/api/access.py."""
