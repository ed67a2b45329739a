"""A small company with data in it, on which journeys are walked and the guide's pictures are taken."""

import html
import re
from pathlib import Path

import requests

from tests.processes.installation import Installation, wait_for

LOCAL, SHORT_CODE, NEIGHBOUR = "+12025550142", "72975", "+12025550188"
"""Riverside's own number, the short code that it shares with Harbor Cafe, and Harbor Cafe's number."""

# Riverside Books is the account of the first start, with more in it; Harbor Cafe is a stranger on the same short code.
ACCOUNTS = f"""
[[accounts]]
id = "demo"
name = "Riverside Books"
default_country = "US"
[accounts.settings]
help_contact = "call +1 202 555 0199"
[[accounts.senders]]
address = "{LOCAL}"
carrier = "simulator"
kind = "long_code"
keywords_handled_by = "gateway"
[[accounts.senders]]
address = "{SHORT_CODE}"
carrier = "simulator"
kind = "short_code"
[[accounts.keywords]]
word = "HOURS"
action = "reply"
reply = "Riverside Books: open Monday to Saturday, 9 to 7. Reply STOP to cancel."
[[accounts.keywords]]
word = "BOOKS"
action = "join"
audience = "book-club"
[[accounts.audiences]]
id = "book-club"
name = "Book club"
[[accounts.audiences]]
id = "story-time"
name = "Story time"

[[accounts]]
id = "harbor"
name = "Harbor Cafe"
default_country = "US"
[[accounts.senders]]
address = "{NEIGHBOUR}"
carrier = "simulator"
kind = "long_code"
keywords_handled_by = "gateway"
[[accounts.senders]]
address = "{SHORT_CODE}"
carrier = "simulator"
kind = "short_code"
"""


def set_up(installation: Installation, folder: Path) -> None:
    """Apply ACCOUNTS, as an operator does."""
    file = folder / "accounts.toml"
    file.write_text(ACCOUNTS, encoding="utf-8")
    installation.command("apply", str(file))


class Phone:
    """Somebody's phone at the simulator: it texts a sender and shows what came back, over HTTP as /phone does."""

    def __init__(self, installation: Installation, number: str, sender: str = LOCAL) -> None:
        self.number = number
        self._sender = sender
        self._url = installation.url
        self._browser = requests.Session()

    @property
    def national(self) -> str:
        """The number as pages of an account of the same country show it."""
        return f"({self.number[2:5]}) {self.number[5:8]}-{self.number[8:]}"

    def text(self, body: str) -> "Phone":
        """Send a text."""
        self._post("text", body)
        return self

    def is_sent(self, body: str) -> "Phone":
        """The account sends this phone a text."""
        self._post("send", body)
        return self

    def _post(self, what: str, body: str) -> None:
        token = re.search(r'name="csrf_token" value="([^"]+)"', self._screen())
        assert token
        form = {"csrf_token": token.group(1), "sender": self._sender, "me": self.number, "body": body}
        self._browser.post(f"{self._url}/phone/{what}", data=form, timeout=20).raise_for_status()

    def _screen(self) -> str:
        asked = {"me": self.number, "sender": self._sender}
        answer = self._browser.get(f"{self._url}/phone", params=asked, timeout=20)
        answer.raise_for_status()
        return answer.text

    def received(self) -> list[str]:
        """The texts that reached it, oldest first."""
        bubbles = re.findall(r'<li class="bubble theirs">.*?<p class="text">(.*?)</p>', self._screen(), re.DOTALL)
        return [html.unescape(body) for body in bubbles]

    def waits_for(self, words: str) -> str:
        """The text with these words, once it came."""
        found: str = wait_for(lambda: next((body for body in self.received() if words in body), ""))
        return found
