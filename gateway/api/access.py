"""Who may do what: one table of roles and routes, checked before every request to the API."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response, current_app, g, request

from gateway.api.problems import Problem
from gateway.api.rates import KeyRates
from gateway.api.repeating import earlier_answer
from gateway.import_jobs import MOST_BYTES
from gateway.services import Services
from store.api_keys import ApiKey
from store.directory import Account

ROLES: Mapping[str, int] = {"send": 1, "read": 1, "manage": 2, "admin": 3}
"""Roles. `send` and `read` stand beside each other; `manage` may do what both may, `admin` everything."""

# Endpoint -> roles that may use it. A route that is not here does not start (tests/architecture).
_SEND = frozenset({"send", "manage", "admin"})
_READ = frozenset({"read", "manage", "admin"})
_EITHER = frozenset({"send", "read", "manage", "admin"})
_MANAGE = frozenset({"manage", "admin"})
_ADMIN = frozenset({"admin"})

_ADMIN = frozenset({"admin"})

PERMISSIONS: Mapping[str, frozenset[str]] = {
    "api.send_message": _SEND,
    "api.get_message": _EITHER,
    "api.check_opt_outs": _EITHER,
    "api.get_opt_out": _READ,
    "api.put_opt_out": _MANAGE,
    "api.delete_opt_out": _MANAGE,
    "api_opt_outs.list_opt_outs": _READ,
    "api_opt_outs.count_opt_outs": _READ,
    "api_opt_outs.export_opt_outs": _READ,
    "api_opt_outs.add_to_opt_outs": _MANAGE,
    "api_opt_outs.scrub_list": _EITHER,
    "api_imports.list_imports": _READ,
    "api_imports.create_import": _MANAGE,
    "api_imports.preview_import": _MANAGE,
    "api_imports.get_import": _READ,
    "api_imports.stop_import": _MANAGE,
    "api_imports.resume_import": _MANAGE,
    "api_imports.apply_import": _MANAGE,
    "api_imports.foretell_undo": _READ,
    "api_imports.undo_import": _MANAGE,
    "api_imports.import_errors": _READ,
    "api_links.make_opt_out_link": _SEND,
    "api_events.list_events": _READ,
    "api_events.list_endpoints": _READ,
    "api_events.add_endpoint": _MANAGE,
    "api_events.get_endpoint": _READ,
    "api_events.change_endpoint": _MANAGE,
    "api_events.remove_endpoint": _MANAGE,
    "api_events.list_deliveries": _READ,
    "api_events.replay_delivery": _MANAGE,
    "api_proof.get_proof": _READ,
    "api_erasure.erase_number": _ADMIN,
    "api_proof.get_proof_text": _READ,
    "api_texts.list_messages": _READ,
    "api_texts.list_incoming": _READ,
    "api_texts.export_incoming": _READ,
    "api_conversations.list_conversations": _READ,
    "api_conversations.get_conversation": _READ,
    "api_conversations.reply_in_conversation": _SEND,
    "api_conversations.opt_out_in_conversation": _MANAGE,
    "api_conversations.get_statistics": _READ,
    "api_contacts.list_contacts": _READ,
    "api_contacts.take_contact": _MANAGE,
    "api_contacts.get_contact": _READ,
    "api_contacts.change_contact": _MANAGE,
    "api_contacts.remove_contact": _MANAGE,
    "api_contacts.get_contact_opt_outs": _READ,
    "api_contacts.put_contact_opt_outs": _MANAGE,
    "api_contacts.delete_contact_opt_outs": _MANAGE,
    "api_audiences.list_audiences": _READ,
    "api_audiences.create_audience": _MANAGE,
    "api_audiences.get_audience": _READ,
    "api_audiences.change_audience": _MANAGE,
    "api_audiences.remove_audience": _MANAGE,
    "api_audiences.list_members": _READ,
    "api_audiences.add_members": _MANAGE,
    "api_audiences.remove_member": _MANAGE,
    "api_audiences.get_sendable": _READ,
    "api_broadcasts.list_broadcasts": _READ,
    "api_broadcasts.create_broadcast": _MANAGE,
    "api_broadcasts.get_broadcast": _READ,
    "api_broadcasts.list_broadcast_opt_outs": _READ,
    "api_broadcasts.change_broadcast": _MANAGE,
    "api_broadcasts.remove_broadcast": _MANAGE,
    "api_broadcasts.start_broadcast": _MANAGE,
    "api_broadcasts.stop_broadcast": _MANAGE,
    "api_broadcasts.resume_broadcast": _MANAGE,
    "api_consent.list_reviews": _READ,
    "api_consent.decide_review": _MANAGE,
    "api_consent.subscribe": _MANAGE,
    "api_consent.unsubscribe": _MANAGE,
    "api_consent.preview_reply": _READ,
    "api_consent.list_keywords": _READ,
    "api_consent.switch_keyword": _MANAGE,
    "api_account.list_api_keys": _ADMIN,
    "api_account.create_api_key": _ADMIN,
    "api_account.revoke_api_key": _ADMIN,
    "api_account.list_settings": _READ,
    "api_account.change_settings": _ADMIN,
    "api_account.list_journal": _READ,
    "api_account.create_keyword": _MANAGE,
    "api_account.change_keyword": _MANAGE,
    "api_account.delete_keyword": _MANAGE,
}


@dataclass(frozen=True, slots=True)
class BodyRule:
    """What a route takes as its body: content types, and the most bytes when that is more than usual."""

    types: tuple[str, ...]
    most_bytes: int | None = None


SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# A list of ten million numbers; it goes through a file, not through memory.
_LIST_BYTES = 1_000_000_000
_LIST_TYPES = (
    "text/csv",
    "text/plain",
    "text/tab-separated-values",
    "application/octet-stream",
    SPREADSHEET,
)

_FORM = BodyRule(("multipart/form-data",), MOST_BYTES + 1_000_000)

BODIES: Mapping[str, BodyRule] = {
    "api_opt_outs.scrub_list": BodyRule(_LIST_TYPES, _LIST_BYTES),
    "api_imports.create_import": _FORM,
    "api_imports.preview_import": _FORM,
}
"""Endpoints whose body is not a JSON object of the usual size."""

MAY_BE_EMPTY = frozenset(
    [
        *(f"api_imports.{name}" for name in ("stop_import", "resume_import", "apply_import", "undo_import")),
        *(f"api_broadcasts.{name}" for name in ("start_broadcast", "stop_broadcast", "resume_broadcast")),
    ]
)
"""Endpoints that need nothing in their body, so that it may be left out."""


def services() -> Services:
    """The services of this app."""
    found: Services = current_app.extensions["stopgate"]
    return found


def check_key() -> Response | None:
    """Let a request through when its API key may use the route: None, or what it was answered before.

    Raises:
        Problem: missing_key, wrong_key, rate_limited or not_permitted; then, of the body, unsupported_type or bad_json;
            then, of its idempotency key, what `earlier_answer` raises.
        StoreError: the key cannot be looked up.
    """
    scheme, _, presented = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not presented.strip():
        raise Problem("missing_key", 'Send the key as "Authorization: Bearer KEY".')
    key = services().store.api_keys.find(presented.strip(), services().clock.now())
    account = services().store.directory.current().accounts.get(key.account) if key else None
    if key is None or account is None:
        raise Problem("wrong_key", "This API key does not exist or was revoked.")
    g.api_key, g.account = key, account
    rates: KeyRates = current_app.extensions["stopgate_rates"]
    rates.count()
    allowed = PERMISSIONS.get(request.endpoint or "", frozenset())
    if request.endpoint and key.role not in allowed:
        needed = " or ".join(sorted(allowed))
        raise Problem("not_permitted", f"This key has the role {key.role}; {needed} is needed.")
    _check_body()
    return earlier_answer(services(), account.id)


def _check_body() -> None:
    if request.method not in {"POST", "PUT", "PATCH"}:
        return
    rule = BODIES.get(request.endpoint or "")
    if rule is not None:
        if request.mimetype not in rule.types:
            raise Problem("unsupported_type", f"Send the body with Content-Type: {' or '.join(rule.types)}.")
        if rule.most_bytes is not None:
            request.max_content_length = rule.most_bytes
        return
    if request.endpoint in MAY_BE_EMPTY and not request.content_length and not request.headers.get("Transfer-Encoding"):
        return
    if not request.is_json:
        raise Problem("unsupported_type", "Send the body with Content-Type: application/json.")
    try:
        body = request.get_json(silent=True)
    except RecursionError:
        body = None
    if not isinstance(body, dict):
        raise Problem("bad_json", "The body has to be a JSON object.")


def account() -> Account:
    """The account of the key that was presented."""
    found: Account = g.account
    return found


def actor() -> str:
    """The key, as the journal names it."""
    key: ApiKey = g.api_key
    return f"api key {key.id}"
