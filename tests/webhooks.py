"""Twilio's webhooks as Twilio makes them: every usual parameter, signed by twilio's own library."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask.testing import FlaskClient
from twilio.request_validator import RequestValidator
from werkzeug.test import TestResponse

from tests.conftest import ACCOUNT_SID, AUTH_TOKEN, PUBLIC_URL

PERSON = "+14155550100"
INBOUND, STATUS = "/webhooks/twilio/inbound", "/webhooks/twilio/status"


def inbound_form(body: str | None, **changes: str) -> dict[str, str]:
    """The form of an inbound text; `changes` replace or add parameters."""
    sid = changes.get("MessageSid", "SM" + "1" * 32)
    form = {
        "ToCountry": "US", "ToState": "CA", "SmsMessageSid": sid, "NumMedia": "0", "ToCity": "", "FromZip": "94103",
        "SmsSid": sid, "FromState": "CA", "SmsStatus": "received", "FromCity": "SAN FRANCISCO", "FromCountry": "US",
        "To": "+12025550100", "ToZip": "", "NumSegments": "1", "MessageSid": sid, "AccountSid": ACCOUNT_SID,
        "From": PERSON, "ApiVersion": "2010-04-01", **changes,
    }  # fmt: skip
    return form if body is None else {**form, "Body": body}


def status_form(
    status: str, sid: str, *, sender: str = "+12025550100", address: str = PERSON, code: str = ""
) -> dict[str, str]:
    """The form of a delivery report."""
    form = {
        "ApiVersion": "2010-04-01", "AccountSid": ACCOUNT_SID, "From": sender, "To": address, "MessageSid": sid,
        "SmsSid": sid, "MessageStatus": status, "SmsStatus": status,
    }  # fmt: skip
    return {**form, "ErrorCode": code} if code else form


def signature(path: str, form: Mapping[str, str], token: str = AUTH_TOKEN) -> str:
    """X-Twilio-Signature by twilio's own library."""
    made: str = RequestValidator(token).compute_signature(PUBLIC_URL + path, dict(form))
    return made


def post(
    client: FlaskClient, path: str, form: Mapping[str, str], *, signed: str | None = None, **more: Any
) -> TestResponse:
    """Post a webhook, signed unless `signed` says otherwise."""
    headers = {"X-Twilio-Signature": signature(path, form) if signed is None else signed}
    return client.post(
        path, data=urlencode(form), content_type="application/x-www-form-urlencoded", headers=headers, **more
    )


def text(client: FlaskClient, body: str | None, **changes: str) -> TestResponse:
    """A person texts."""
    return post(client, INBOUND, inbound_form(body, **changes))
