"""Twilio's Consent API: telling it of opt-outs that it did not see itself.

It can be told and not asked: Twilio has no way to read its list of opt-outs. A call that is answered with 201 may
have refused single items, so each one's answer is looked at. Only opt-outs are told, never opt-ins.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from gateway.carriers.base import KnownOptOut, Told
from gateway.carriers.twilio_errors import asked

ITEMS_A_CALL = 25
CALLS_A_MINUTE = 100

_SOURCES: Mapping[str, str] = {
    "text": "opt-out-message",
    "website": "website",
    "offline": "offline",
    "other": "others",
}


def tell_opt_outs(client: Any, opt_outs: Sequence[KnownOptOut]) -> Sequence[Told]:
    """Tell of up to 25 opt-outs. What Twilio does not mention in its answer counts as not taken.

    Raises:
        CarrierError: the call was not answered.
    """
    items = [_item(opt_out) for opt_out in opt_outs]
    answer = asked("its Consent API", lambda: client.accounts.v1.bulk_consents.create(items=items))
    problems = {str(row.get("correlation_id")): _problem(row) for row in answer.items or ()}
    return [Told(opt_out.id, problems.get(opt_out.id, "Twilio did not say what became of it")) for opt_out in opt_outs]


def _item(opt_out: KnownOptOut) -> Mapping[str, str]:
    return {
        "contact_id": opt_out.address,
        "correlation_id": opt_out.id,
        "sender_id": opt_out.sender,
        "status": "opt-out",
        "source": _SOURCES[opt_out.medium],
        "date_of_consent": opt_out.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _problem(row: Mapping[str, Any]) -> str:
    code = str(row.get("error_code", ""))
    if code == "0":
        return ""
    reasons = ", ".join(str(reason) for reason in row.get("error_messages") or ())
    return f"code {code}: {reasons}" if reasons else f"code {code}"
