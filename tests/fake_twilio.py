"""Twilio's Messages and Consent APIs over real HTTP, for twilio's own client.

Modelled from Twilio's documentation and its API specification, not observed on a real account: required
parameters, error bodies and codes, the magic numbers of the test credentials, opt-out lists, the list of messages
with its filters and page tokens, bulk consents with an answer for each item, and switches for what can go wrong
(429, 5xx, an answer that never comes, a connection that breaks after the message was taken).
"""

import base64
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

ERRORS: Mapping[int, tuple[int, str]] = {
    20003: (401, "Authenticate"),
    20006: (403, "Access Denied"),
    20404: (404, "The requested resource was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "Internal Server Error"),
    20503: (503, "Service unavailable"),
    21211: (400, "Invalid 'To' Phone Number"),
    21408: (400, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' or 'MessagingServiceSid' parameter is required to send a message"),
    21604: (400, "A 'To' phone number is required."),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21611: (400, "This 'From' number has exceeded the maximum number of queued messages"),
    21612: (400, "The 'To' phone number is not currently reachable via SMS"),
    21614: (400, "'To' number is not a valid mobile number"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
}
MAGIC_NUMBERS = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}


@dataclass
class FakeTwilio:
    """The server. `sent` is every message it took; `faults` are the next things to go wrong.

    inbox: messages it lists, put there by `got`. listed: the query of each listing. most_a_page: a smaller page than
    was asked for. consents: the items of each call to the Consent API. bad_contacts: numbers it does not take there.
    """

    account_sid: str
    auth_token: str
    sent: list[dict[str, str]] = field(default_factory=list)
    opted_out: set[tuple[str, str]] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    account_status: str = "active"
    requests: int = 0
    inbox: list[dict[str, Any]] = field(default_factory=list)
    listed: list[dict[str, str]] = field(default_factory=list)
    most_a_page: int = 1000
    consents: list[list[dict[str, str]]] = field(default_factory=list)
    bad_contacts: set[str] = field(default_factory=set)

    def __enter__(self) -> "FakeTwilio":
        handler = type("Handler", (_Handler,), {"fake": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def reset(self) -> None:
        self.sent.clear()
        self.opted_out.clear()
        self.faults.clear()
        self.requests = 0
        self.inbox.clear()
        self.listed.clear()
        self.most_a_page = 1000
        self.consents.clear()
        self.bad_contacts.clear()

    def got(self, sid: str, sender: str, address: str, body: str, at: datetime, **changes: Any) -> None:
        """Put a text into the list of messages as if a person had sent it; `changes` replace or add fields."""
        date = format_datetime(at.astimezone(UTC))
        message = {
            "sid": sid, "account_sid": self.account_sid, "api_version": "2010-04-01", "to": sender, "from": address,
            "body": body, "direction": "inbound", "status": "received", "num_media": "0", "num_segments": "1",
            "messaging_service_sid": None, "date_created": date, "date_sent": date, "date_updated": date,
            "error_code": None, "error_message": None, "price": None, "price_unit": "USD", "subresource_uris": {},
            "uri": f"/2010-04-01/Accounts/{self.account_sid}/Messages/{sid}.json", **changes,
        }  # fmt: skip
        self.inbox.append({**message, "at": at})

    def listing(self, query: Mapping[str, str]) -> dict[str, Any]:
        """One page of messages, newest first, as the list resource gives it."""
        self.listed.append(dict(query))
        found = [message for message in self.inbox if self._fits(message, query)]
        found.sort(key=lambda message: message["at"], reverse=True)
        size = min(int(query.get("PageSize", "50")), self.most_a_page)
        # The token names the last message shown, so that new ones do not move the pages.
        last = query.get("PageToken", "").removeprefix("PA")
        start = next((index + 1 for index, message in enumerate(found) if message["sid"] == last), 0)
        shown = found[start : start + size]
        path = f"/2010-04-01/Accounts/{self.account_sid}/Messages.json"
        number = int(query.get("Page", "0"))
        following = {**query, "Page": str(number + 1), "PageToken": f"PA{shown[-1]['sid'] if shown else ''}"}
        more = start + size < len(found)
        return {
            "messages": [{name: value for name, value in row.items() if name != "at"} for row in shown],
            "page": number, "page_size": size, "start": start, "end": start + len(shown) - 1,
            "uri": path, "first_page_uri": path, "previous_page_uri": None,
            "next_page_uri": f"{path}?{urlencode(following)}" if more else None,
        }  # fmt: skip

    @staticmethod
    def _fits(message: Mapping[str, Any], query: Mapping[str, str]) -> bool:
        at = message["at"].replace(microsecond=0)
        return (
            ("To" not in query or message["to"] == query["To"])
            and ("From" not in query or message["from"] == query["From"])
            and ("DateSent" not in query or at.date() == _moment(query["DateSent"]).date())
            and ("DateSent>" not in query or at >= _moment(query["DateSent>"]))
            and ("DateSent<" not in query or at <= _moment(query["DateSent<"], end_of_day=True))
        )

    def consent(self, form: Mapping[str, list[str]]) -> dict[str, Any]:
        """The answer of the Consent API: one row for each item, 30646 for those that are wrong."""
        items = [json.loads(item) for item in form.get("Items", [])]
        self.consents.append(items)
        rows = []
        for item in items:
            wrong = ["INVALID_CONTACT_ID"] if item["contact_id"] in self.bad_contacts else []
            if item["status"] == "opt-out" and not wrong:
                self.opted_out.add((item["sender_id"], item["contact_id"]))
            code = 30646 if wrong else 0
            rows.append({"correlation_id": item["correlation_id"], "error_code": code, "error_messages": wrong})
        return {"items": rows}

    def bodies(self) -> list[str]:
        return [message["Body"] for message in self.sent]

    def refusal(self, form: Mapping[str, str]) -> int | None:
        """The error code of a request, in the order the real API checks."""
        sender = form.get("From") or form.get("MessagingServiceSid", "")
        checks = (
            ("To" not in form, 21604),
            (not sender, 21603),
            (not form.get("Body"), 21602),
            (len(form.get("Body", "")) > 1600, 21617),
            (form.get("To", "") in MAGIC_NUMBERS, MAGIC_NUMBERS.get(form.get("To", ""), 0)),
            (not form.get("To", "").startswith("+"), 21211),
            ((sender, form.get("To", "")) in self.opted_out, 21610),
        )
        return next((code for wrong, code in checks if wrong), None)

    def take(self, form: Mapping[str, str]) -> dict[str, Any]:
        sid = f"SM{len(self.sent) + 1:032x}"
        self.sent.append({**form, "Sid": sid})
        service = form.get("MessagingServiceSid")
        return {
            "sid": sid,
            "account_sid": self.account_sid,
            "status": "accepted" if service else "queued",
            "to": form["To"],
            "from": form.get("From"),
            "messaging_service_sid": service,
            "body": form["Body"],
            "num_segments": "0" if service else "1",
            "num_media": "0",
            "direction": "outbound-api",
            "api_version": "2010-04-01",
            "date_created": "Sun, 22 Nov 2026 10:00:00 +0000",
            "date_updated": "Sun, 22 Nov 2026 10:00:00 +0000",
            "date_sent": None,
            "error_code": None,
            "error_message": None,
            "price": None,
            "price_unit": "USD",
            "uri": f"/2010-04-01/Accounts/{self.account_sid}/Messages/{sid}.json",
            "subresource_uris": {},
        }


def _moment(text: str, *, end_of_day: bool = False) -> datetime:
    """A filter's time: a day, or a moment."""
    found = datetime.fromisoformat(text)
    if len(text) == 10 and end_of_day:
        found += timedelta(days=1, seconds=-1)
    return found.replace(tzinfo=UTC)


class _Handler(BaseHTTPRequestHandler):
    fake: FakeTwilio
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        account = f"/2010-04-01/Accounts/{self.fake.account_sid}.json"
        if parts.path == account:
            if self._is_fine(parts.path, (account,)):
                self._answer(200, {"sid": self.fake.account_sid, "status": self.fake.account_status})
            return
        if self._is_fine(parts.path, (self._messages,)):
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self._answer(200, self.fake.listing(query))

    def do_POST(self) -> None:
        self.fake.requests += 1
        length = int(self.headers.get("Content-Length", "0"))
        form = parse_qs(self.rfile.read(length).decode())
        path = urlsplit(self.path).path
        fault = self.fake.faults[0] if self.fake.faults else ""
        if not self._is_fine(path, (self._messages, "/v1/Consents/Bulk")):
            return
        if path == "/v1/Consents/Bulk":
            self._answer(201, self.fake.consent(form))
            return
        self._take({name: values[0] for name, values in form.items()}, fault)

    def _take(self, form: Mapping[str, str], fault: str) -> None:
        code = self.fake.refusal(form)
        if code:
            self._error(code)
            return
        document = self.fake.take(form)
        if fault == "hang":
            time.sleep(3)
        if fault in {"hang", "break"}:
            self.close_connection = True
            return
        self._answer(201, document)

    @property
    def _messages(self) -> str:
        return f"/2010-04-01/Accounts/{self.fake.account_sid}/Messages.json"

    def _is_fine(self, path: str, known: tuple[str, ...]) -> bool:
        """Answer what goes wrong before anything is looked at: address, credentials, the next fault."""
        fault = self.fake.faults.pop(0) if self.fake.faults else ""
        if path not in known:
            self._error(20404)
        elif not self._authorised():
            self._error(20003)
        elif fault.isdigit():
            self._error(int(fault))
        elif fault == "proxy page":
            self._answer(502, None)
        else:
            return True
        return False

    def _authorised(self) -> bool:
        expected = base64.b64encode(f"{self.fake.account_sid}:{self.fake.auth_token}".encode()).decode()
        return self.headers.get("Authorization") == f"Basic {expected}"

    def _error(self, code: int) -> None:
        status, message = ERRORS[code]
        more = f"https://www.twilio.com/docs/errors/{code}"
        self._answer(status, {"code": code, "message": message, "more_info": more, "status": status})

    def _answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode() if document is not None else b"<html>Bad gateway</html>"
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if document is not None else "text/html")
        self.send_header("Content-Length", str(len(body)))
        if status == 429:
            self.send_header("Retry-After", "7")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
