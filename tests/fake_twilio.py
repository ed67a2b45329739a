"""Twilio's Messages API over real HTTP, for twilio's own client.

Modelled from Twilio's documentation and its API specification, not observed on a real account: required
parameters, error bodies and codes, the magic numbers of the test credentials, opt-out lists, and switches for what
can go wrong (429, 5xx, an answer that never comes, a connection that breaks after the message was taken).
"""

import base64
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ERRORS: Mapping[int, tuple[int, str]] = {
    20003: (401, "Authenticate"),
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
    """The server. `sent` is every message it took; `fault` is the next thing to go wrong."""

    account_sid: str
    auth_token: str
    sent: list[dict[str, str]] = field(default_factory=list)
    opted_out: set[tuple[str, str]] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    requests: int = 0

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


class _Handler(BaseHTTPRequestHandler):
    fake: FakeTwilio
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.fake.requests += 1
        length = int(self.headers.get("Content-Length", "0"))
        form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
        fault = self.fake.faults.pop(0) if self.fake.faults else ""
        if urlsplit(self.path).path != f"/2010-04-01/Accounts/{self.fake.account_sid}/Messages.json":
            self._answer(404, {"code": 20404, "message": "The requested resource was not found", "status": 404})
            return
        if not self._authorised():
            self._error(20003)
            return
        if fault.isdigit():
            self._error(int(fault))
            return
        if fault == "proxy page":
            self._answer(502, None)
            return
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
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
