"""A small company with data in it, on which journeys are walked and the guide's pictures are taken."""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from gateway.services import build
from gateway.settings import load_settings
from tests.browser.company import LOCAL
from tests.browser.past import Traces, live_through
from tests.processes.installation import Installation, wait_for

OWNER, COLLEAGUE, ONLOOKER, STRANGER = "ada@example.com", "carl@example.com", "vera@example.com", "sam@example.com"
"""Ada runs all of it; Carl is an agent of Riverside Books and Vera a viewer; Sam owns Harbor Cafe, a stranger."""

_PEOPLE = (
    (COLLEAGUE, "Carl", "demo", "agent"),
    (ONLOOKER, "Vera", "demo", "viewer"),
    (STRANGER, "Sam", "harbor", "owner"),
)


@dataclass(frozen=True, slots=True)
class Example:
    """A running installation, what its past left, and the ids of its people by email once they were added."""

    installation: Installation
    traces: Traces
    people: dict[str, str] = field(default_factory=dict)


@contextmanager
def running_example(folder: Path, told: str) -> Iterator[Example]:
    """`stopgate up` with the simulator alone and the past of Riverside Books.

    Args:
        folder: an empty one.
        told: the address of a program that is told of events.
    """
    unset = ("STOPGATE_PUBLIC_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_BASE_URL")
    settings = {**dict.fromkeys(unset, ""), "STOPGATE_EVENTS_PRIVATE": "on"}
    installation = Installation(folder / "data", settings, twilio_url="")
    traces = live_through(installation.data, installation.environment, installation.url, told)
    with installation:
        yield Example(installation, traces)


def printed_password(installation: Installation) -> str:
    """The one-time password that `stopgate up` printed on its first start."""
    log = installation.log
    found: str = wait_for(lambda: "".join(re.findall(r"with the password: +(\S+)", log.read_text(encoding="utf-8"))))
    return found


def add_people(example: Example) -> dict[str, str]:
    """Give the others a sign-in, as `stopgate users add` does; returns their one-time passwords by email."""
    services = build(load_settings(example.installation.environment))
    passwords = {}
    try:
        for email, name, account, role in _PEOPLE:
            user, passwords[email] = services.users.add(email, name, account, role, actor="command line")
            example.people[email] = user.id
    finally:
        services.close()
    return passwords


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
