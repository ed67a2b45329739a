"""Who may open what in the console: one table of pages, checked before every request."""

import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import abort, current_app, flash, g, redirect, request, url_for
from werkzeug.wrappers import Response

from gateway.console.blueprints import console, pages
from gateway.roles import CAPABILITIES, may
from gateway.services import Services
from gateway.signing_in import SignedIn
from store.directory import Account
from store.users import EVERY_ACCOUNT, User

COOKIE = "stopgate_sign_in"

# The simulator's phone is open as design §9 has it: it exists only while the simulator is on, its texts go nowhere,
# and a new user's first minute needs no password.
OPEN_PAGES = frozenset(
    {
        "console.static", "console.sign_in", "console.preferences", "console.home",
        "console.phone", "console.phone_screen", "console.phone_text", "console.phone_send",
    }
)  # fmt: skip
"""Pages for everybody."""

OWN_PAGES = frozenset(
    {"console.password", "console.sign_out", "console.sign_ins", "console.end_sign_in", "console.end_other_sign_ins"}
)
"""Pages for everybody who is signed in."""

# What somebody may open who has to choose a password first.
_BEFORE_CHOOSING = frozenset({"console.password", "console.sign_out", "console.home", "console.preferences"})

PAGES: Mapping[str, str] = {
    "account.home": "look",
    "account.journal": "look",
    "account.export_journal": "export",
    "account.keywords": "look",
    "account.try_text": "look",
    "account.keyword": "look",
    "account.switch_keyword": "configure",
    "account.add_word": "configure",
    "account.own_word": "configure",
    "account.remove_word": "configure",
    "account.check_word": "configure",
    "account.senders": "look",
    "account.sender": "look",
    "account.system": "system",
    "account.settings": "look",
    "account.change_setting": "configure",
    "account.settings_history": "look",
    "account.replies": "look",
    "account.reply": "configure",
    "account.check_reply": "configure",
    "account.api_keys": "connect",
    "account.make_api_key": "connect",
    "account.revoke_api_key": "connect",
    "account.conversations": "look",
    "account.conversation": "look",
    "account.conversation_live": "look",
    "account.reply_in_conversation": "answer",
    "account.conversation_opt_out": "opt_out",
    "account.incoming": "look",
    "account.export_incoming": "export",
    "account.find_number": "look",
    "account.number": "look",
    "account.opt_out_number": "opt_out",
    "account.lift_number": "lift",
    "account.proof_file": "export",
    "account.erase_number": "erase",
    "account.contacts": "look",
    "account.add_contact": "lists",
    "account.contact": "look",
    "account.change_contact": "lists",
    "account.contact_opt_outs": "opt_out",
    "account.contact_audiences": "lists",
    "account.remove_contact": "lists",
    "account.audiences": "look",
    "account.add_audience": "lists",
    "account.audience": "look",
    "account.change_audience": "lists",
    "account.change_members": "lists",
    "account.remove_audience": "lists",
    "account.broadcasts": "look",
    "account.broadcast": "look",
    "account.broadcast_live": "look",
    "account.broadcast_opt_outs": "look",
    "account.new_broadcast": "broadcast",
    "account.edit_broadcast": "broadcast",
    "account.check_broadcast": "broadcast",
    "account.send_broadcast": "broadcast",
    "account.stop_broadcast": "broadcast",
    "account.resume_broadcast": "broadcast",
    "account.remove_broadcast": "broadcast",
    "account.opt_outs": "look",
    "account.export_opt_outs": "export",
    "account.add_opt_outs_by_hand": "opt_out",
    "account.lift_many": "lift",
    "account.events": "connect",
    "account.add_endpoint": "connect",
    "account.endpoint": "connect",
    "account.change_endpoint": "connect",
    "account.remove_endpoint": "connect",
    "account.replay_delivery": "connect",
    "account.unrouted": "system",
    "account.replay_unrouted": "system",
    "account.reviews": "look",
    "account.decide_review": "review",
    "account.undo_review": "review",
    "account.imports": "look",
    "account.one_import": "look",
    "account.import_live": "look",
    "account.new_import": "lists",
    "account.upload_import": "lists",
    "account.import_example": "lists",
    "account.map_import": "lists",
    "account.stop_import": "lists",
    "account.resume_import": "lists",
    "account.apply_import": "lists",
    "account.undo_import": "lists",
    "account.import_errors": "export",
    "account.users": "people",
    "account.add_user": "people",
    "account.user": "people",
    "account.reset_user_password": "people",
    "account.remove_user": "people",
}
"""Endpoint -> the capability (gateway/roles.py) that it needs. A page that is not here does not open."""


def services() -> Services:
    """The services of this app."""
    found: Services = current_app.extensions["stopgate"]
    return found


def signed_in() -> SignedIn | None:
    """The person of this request, or None."""
    found: SignedIn | None = g.get("signed_in")
    return found


def person() -> User:
    """The person of this request, on pages that ask for one."""
    found: SignedIn = g.signed_in
    return found.user


def actor() -> str:
    """The person, as journals name them."""
    return f"user {person().email}"


def account() -> Account:
    """The account of this page."""
    found: Account = g.account
    return found


def role() -> str:
    """The person's role in the account of this page."""
    return person().role_in(account().id) or ""


def can(capability: str) -> bool:
    """True when the person may do something in the account of this page; for showing a button or not."""
    found = signed_in()
    if found is None or "account" not in g:
        return False
    if CAPABILITIES[capability].everywhere:
        return may(found.user.memberships.get(EVERY_ACCOUNT), capability)
    return may(found.user.role_in(g.account.id), capability)


def accounts_of(user: User) -> list[Account]:
    """The accounts a person may open, by name."""
    known = services().store.directory.current().accounts.values()
    return sorted((each for each in known if user.role_in(each.id)), key=lambda each: each.name.casefold())


def client_address() -> str:
    """Where a request came from: what the proxy in front says, when there is one beside us."""
    direct = request.remote_addr or ""
    forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    try:
        return forwarded if forwarded and ipaddress.ip_address(direct).is_private else direct
    except ValueError:
        return direct


def safe_next(target: str) -> str:
    """An address of ours to go to after signing in; "" for one that leads elsewhere."""
    parts = urlsplit(target)
    ours = target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.netloc and "\\" not in target
    return target if ours else ""


@console.before_app_request
def find_person() -> None:
    """Know who is asking, on pages."""
    token = request.cookies.get(COOKIE, "")
    if token and request.blueprint in {console.name, pages.name} and not (request.endpoint or "").endswith(".static"):
        g.signed_in = services().signing_in.who(token)


@console.before_request
@pages.before_request
def check_person() -> Response | None:
    """Let a request through when its person may open the page."""
    endpoint = request.endpoint or ""
    if endpoint in OPEN_PAGES:
        return None
    found = signed_in()
    if found is None:
        return _to_sign_in()
    if found.user.must_change_password and endpoint not in _BEFORE_CHOOSING:
        return redirect(url_for("console.password"))
    if endpoint in OWN_PAGES:
        return None
    _open_account(found.user)
    capability = PAGES.get(endpoint)
    if capability is None or not can(capability):
        abort(403, _not_for_you(capability))
    return None


def _to_sign_in() -> Response:
    if request.method in {"GET", "HEAD"}:
        return redirect(url_for("console.sign_in", next=request.full_path.rstrip("?")))
    flash("You were signed out meanwhile. Sign in and do it again.", "refused")
    return redirect(url_for("console.sign_in"))


def _open_account(user: User) -> None:
    # The same answer for an account of others as for one that does not exist (G8).
    found = services().store.directory.current().accounts.get(g.get("account_id", ""))
    if found is None or user.role_in(found.id) is None:
        abort(404)
    g.account = found


def _not_for_you(capability: str | None) -> str:
    if capability is None:
        return "Nobody may open this page."
    needed = CAPABILITIES[capability]
    who = " or ".join(each for each in ("owner", "admin", "agent", "viewer") if each in needed.roles)
    where = " in all accounts" if needed.everywhere else " of this account"
    return f"Your role does not include this: {needed.sentence[0].lower()}{needed.sentence[1:]}. Ask an {who}{where}."


@pages.url_value_preprocessor
def _take_account(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    g.account_id = (values or {}).pop("account_id", "")


@console.app_url_defaults
def _fill_account_in(endpoint: str, values: dict[str, Any]) -> None:
    if "account" in g and current_app.url_map.is_endpoint_expecting(endpoint, "account_id"):
        values.setdefault("account_id", g.account.id)
