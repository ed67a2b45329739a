"""Which problems each route may answer with: what follows from its shape, and a table of what is its own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.api.access import BODIES, ROLES

OWN: Mapping[str, tuple[str, ...]] = {
    "api.send_message": ("invalid_number", "unknown_sender", "opted_out"),
    "api.put_opt_out": ("unknown_sender", "one_scope_only", "in_the_future", "too_long_ago"),
    "api.delete_opt_out": ("unknown_sender", "one_scope_only", "opted_out_by_person", "opted_out_at_carrier"),
    "api.check_opt_outs": ("unknown_sender",),
    "api_opt_outs.list_opt_outs": ("list_not_ready",),
    "api_opt_outs.count_opt_outs": ("list_not_ready",),
    "api_opt_outs.add_to_opt_outs": (
        "unknown_sender",
        "one_scope_only",
        "in_the_future",
        "too_long_ago",
        "no_numbers",
        "too_many_numbers",
    ),
    "api_opt_outs.scrub_list": ("unknown_sender", "unreadable_list", "too_large", "unsupported_type"),
    "api_consent.decide_review": ("not_in_review", "reason_needed", "review_window_over", "changed_since"),
    "api_events.add_endpoint": ("bad_endpoint", "unknown_event_kind", "too_many_endpoints"),
    "api_events.change_endpoint": ("bad_endpoint", "unknown_event_kind"),
    "api_contacts.list_contacts": ("invalid_number",),
    "api_contacts.take_contact": ("invalid_number", "invalid_contact", "opted_out"),
    "api_contacts.change_contact": (
        "invalid_number",
        "invalid_contact",
        "contact_id_taken",
        "opted_out",
        "changed_meanwhile",
    ),
    "api_contacts.remove_contact": ("changed_meanwhile",),
    "api_contacts.put_contact_opt_outs": ("invalid_number", "no_phone", "in_the_future", "too_long_ago"),
    "api_contacts.delete_contact_opt_outs": (
        "invalid_number",
        "no_phone",
        "opted_out_by_person",
        "opted_out_at_carrier",
    ),
    "api_audiences.create_audience": ("unknown_sender", "audience_exists"),
    "api_audiences.change_audience": ("unknown_sender",),
    "api_audiences.remove_audience": ("audience_in_use",),
    "api_audiences.remove_member": ("invalid_number",),
    "api_audiences.get_sendable": ("unknown_sender",),
    "api_broadcasts.create_broadcast": ("unknown_audience", "unknown_sender", "unknown_variable"),
    "api_broadcasts.change_broadcast": ("not_a_draft", "unknown_audience", "unknown_sender", "unknown_variable"),
    "api_broadcasts.remove_broadcast": ("not_a_draft",),
    "api_broadcasts.start_broadcast": (
        "not_a_draft",
        "unknown_audience",
        "unknown_sender",
        "unknown_variable",
        "sender_needed",
        "empty_text",
        "no_public_url",
        "nobody_to_text",
        "changed_meanwhile",
    ),
    "api_broadcasts.stop_broadcast": ("not_sending",),
    "api_broadcasts.resume_broadcast": ("not_sending", "unknown_sender"),
    "api_consent.subscribe": ("invalid_number", "unknown_sender", "unknown_audience"),
    "api_consent.unsubscribe": ("invalid_number", "unknown_audience"),
    "api_conversations.get_conversation": ("no_conversation",),
    "api_conversations.reply_in_conversation": ("no_conversation", "sender_needed", "unknown_sender", "opted_out"),
    "api_conversations.opt_out_in_conversation": ("no_conversation", "sender_needed", "unknown_sender"),
    "api_texts.list_messages": ("invalid_number",),
    "api_texts.list_incoming": ("invalid_number",),
    "api_texts.export_incoming": ("invalid_number",),
    "api_links.make_opt_out_link": ("invalid_number", "unknown_sender", "no_public_url"),
    "api_imports.create_import": ("unusable_file", "unknown_sender", "one_scope_only", "in_the_future"),
    "api_imports.preview_import": ("unusable_file",),
    "api_imports.stop_import": ("import_over",),
    "api_imports.resume_import": ("import_over",),
    "api_imports.apply_import": ("not_a_dry_run",),
    "api_imports.foretell_undo": ("still_running", "nothing_to_undo"),
    "api_imports.undo_import": ("still_running", "nothing_to_undo"),
    "api_consent.switch_keyword": ("unknown_keyword", "confirmation_needed", "unknown_sender"),
    "api_account.list_journal": ("invalid_number",),
    "api_account.create_keyword": ("keyword_exists",),
    "api_account.change_keyword": ("unknown_keyword", "keyword_exists"),
    "api_account.delete_keyword": ("unknown_keyword",),
}
"""Endpoint -> codes of its use case. What follows from the route's shape is not repeated here."""

_EVERYWHERE = ("missing_key", "wrong_key", "rate_limited", "internal_error", "store_unavailable")
_BODY = ("too_large", "unsupported_type", "invalid_request")


def refusals(endpoint: str, method: str, operation: Mapping[str, Any], roles: frozenset[str]) -> Sequence[str]:
    """The codes an operation may be refused with, without repetition.

    Args:
        endpoint: as Flask calls it.
        method: "get", "post", ...
        operation: of the OpenAPI document.
        roles: that may use it.
    """
    return tuple(dict.fromkeys((*_of_shape(endpoint, method, operation, roles), *OWN.get(endpoint, ()))))


def _of_shape(endpoint: str, method: str, operation: Mapping[str, Any], roles: frozenset[str]) -> Iterator[str]:
    yield from _EVERYWHERE
    if roles != frozenset(ROLES):
        yield "not_permitted"
    parameters = operation.get("parameters", ())
    if any(parameter["in"] != "header" for parameter in parameters):
        yield "invalid_request"
    if any(parameter["in"] == "path" for parameter in parameters):
        yield "not_found"
    if any(parameter["name"] == "number" for parameter in parameters):
        yield "invalid_number"
    if any(parameter["name"] == "cursor" for parameter in parameters):
        yield "bad_cursor"
    if "requestBody" in operation:
        yield from _BODY
    if method in {"post", "put", "patch"} and endpoint not in BODIES:
        yield from ("bad_json", "unsupported_type", "too_large")
    if method == "post":
        yield from ("invalid_request", "idempotency_key_reused", "in_progress")
