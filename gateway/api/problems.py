"""Errors of the API: RFC 9457 problem documents with a stable `code`. The table is the documentation."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response

from gateway.errors import NotAllowed


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One kind of error: its code, HTTP status and title."""

    code: str
    status: int
    title: str


PROBLEMS: Mapping[str, ProblemKind] = {
    kind.code: kind
    for kind in (
        ProblemKind("bad_json", 400, "The body is not JSON"),
        ProblemKind("invalid_request", 422, "Something in the request is wrong"),
        ProblemKind("invalid_number", 422, "A number is not a phone number"),
        ProblemKind("missing_key", 401, "An API key is needed"),
        ProblemKind("wrong_key", 401, "The API key is not valid"),
        ProblemKind("not_permitted", 403, "The API key may not do this"),
        ProblemKind("not_found", 404, "There is no such thing"),
        ProblemKind("method_not_allowed", 405, "This address does not do that"),
        ProblemKind("too_large", 413, "The body is too large"),
        ProblemKind("unsupported_type", 415, "The body has a type that this address does not take"),
        ProblemKind("opted_out", 409, "The person opted out"),
        ProblemKind("opted_out_by_person", 409, "Only the person can come back"),
        ProblemKind("opted_out_at_carrier", 409, "Only the person can come back"),
        ProblemKind("no_conversation", 404, "There is no such conversation"),
        ProblemKind("sender_needed", 422, "A sender has to be named"),
        ProblemKind("unknown_keyword", 404, "There is no such keyword"),
        ProblemKind("keyword_exists", 409, "The account has this word already"),
        ProblemKind("confirmation_needed", 409, "A mandatory word is to be switched off"),
        ProblemKind("not_in_review", 404, "The text is not in the review queue"),
        ProblemKind("reason_needed", 422, "A reason is needed"),
        ProblemKind("review_window_over", 409, "It is too late to take this back"),
        ProblemKind("changed_since", 409, "Something happened since"),
        ProblemKind("idempotency_key_reused", 409, "The idempotency key belongs to another request"),
        ProblemKind("in_progress", 409, "The same request runs already"),
        ProblemKind("list_not_ready", 503, "The list is being brought up to date"),
        ProblemKind("no_numbers", 422, "There is no number"),
        ProblemKind("too_many_numbers", 422, "There are too many numbers"),
        ProblemKind("unreadable_list", 422, "The file cannot be used"),
        ProblemKind("bad_cursor", 422, "The cursor is not one of this list"),
        ProblemKind("rate_limited", 429, "The key made too many requests"),
        ProblemKind("bad_endpoint", 422, "Events cannot be sent to this address"),
        ProblemKind("unknown_event_kind", 422, "There is no such kind of event"),
        ProblemKind("too_many_endpoints", 409, "The account has as many endpoints as it may"),
        ProblemKind("no_public_url", 409, "The installation has no public address"),
        ProblemKind("unusable_file", 422, "The file cannot be used"),
        ProblemKind("import_over", 409, "The import has ended"),
        ProblemKind("still_running", 409, "The import runs"),
        ProblemKind("nothing_to_undo", 409, "The import changed nothing"),
        ProblemKind("not_a_dry_run", 409, "The import is no dry run that is finished"),
        ProblemKind("unknown_sender", 422, "The sender is not one of this account"),
        ProblemKind("unknown_audience", 422, "The audience is not one of this account"),
        ProblemKind("invalid_contact", 422, "The contact cannot be as it is described"),
        ProblemKind("contact_id_taken", 409, "Another contact has this contact_id"),
        ProblemKind("changed_meanwhile", 409, "Others change the same"),
        ProblemKind("no_phone", 409, "The contact has no phone"),
        ProblemKind("audience_exists", 409, "There is another audience with this id"),
        ProblemKind("audience_in_use", 409, "A keyword names the audience"),
        ProblemKind("unknown_variable", 422, "Nothing takes the place of a variable"),
        ProblemKind("empty_text", 409, "The broadcast has no text"),
        ProblemKind("nobody_to_text", 409, "Nobody in the audience may be texted"),
        ProblemKind("not_a_draft", 409, "The broadcast was started"),
        ProblemKind("not_sending", 409, "The broadcast is not being sent"),
        ProblemKind("one_scope_only", 422, "Two scopes were named"),
        ProblemKind("not_confirmed", 422, "What cannot be undone has to be confirmed"),
        ProblemKind("reason_too_long", 422, "The reason is too long"),
        ProblemKind("in_the_future", 422, "A time is in the future"),
        ProblemKind("too_long_ago", 422, "A time is too long ago"),
        ProblemKind("internal_error", 500, "Something broke here"),
        ProblemKind("store_unavailable", 503, "The store does not answer"),
    )
}


class Problem(Exception):
    """An error to answer with. code: a row of PROBLEMS; facts: further members of the document.

    A fact `retry_after` (seconds) is a Retry-After header too.
    """

    def __init__(self, code: str, detail: str, **facts: Any) -> None:
        self.kind = PROBLEMS[code]
        self.detail = detail
        self.facts = facts
        super().__init__(detail)

    @classmethod
    def refused(cls, error: NotAllowed) -> "Problem":
        """The problem of a use case that refused."""
        return cls(error.code, str(error), **error.facts)

    def response(self) -> Response:
        """The problem as an HTTP response."""
        document = {
            "type": "about:blank",
            "title": self.kind.title,
            "status": self.kind.status,
            "code": self.kind.code,
            "detail": self.detail,
            **self.facts,
        }
        response = Response(
            json.dumps(document, ensure_ascii=False), status=self.kind.status, content_type="application/problem+json"
        )
        if "retry_after" in self.facts:
            response.headers["Retry-After"] = str(self.facts["retry_after"])
        return response
