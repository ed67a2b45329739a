"""Three people in front of the console: the owner of Acme, a colleague who answers its texts, and a stranger.

Every page that a test loads through a Visitor is checked (page_checks.py).
"""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from werkzeug.test import TestResponse

from gateway.app import create_app
from gateway.console.access import COOKIE
from gateway.services import Services
from store.users import User
from tests.console.page_checks import problems_of

PASSWORD = "a long way to Tipperary"
# One hash for everybody: making one takes longer than most tests. Its costs are as low as they go.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_HASH = CHEAP.hash(PASSWORD)

OWNER, COLLEAGUE, STRANGER = "olivia@acme.example", "carl@acme.example", "sam@globex.example"
PEOPLE = {
    OWNER: ("Olivia Owner", {"acme": "owner"}),
    COLLEAGUE: ("Carl Colleague", {"acme": "agent"}),
    STRANGER: ("Sam Stranger", {"globex": "owner"}),
}


class Visitor:
    """A browser without JavaScript: it keeps cookies, sends forms with their token, and checks every page it gets."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client = app.test_client()

    def get(self, path: str, *, status: int = 200, follow: bool = True) -> TestResponse:
        """Load a page; it has to answer with `status`, after redirects unless told not to follow them."""
        return self._checked(self.client.get(path, follow_redirects=follow), status)

    def post(
        self, path: str, form: Mapping[str, Any] | None = None, *, status: int = 200, follow: bool = True, **more: Any
    ) -> TestResponse:
        """Send a form, with a CSRF token of this visitor."""
        data = {"csrf_token": self.token(), **(form or {})}
        return self._checked(self.client.post(path, data=data, follow_redirects=follow, **more), status)

    def token(self) -> str:
        """A CSRF token, from the sign-in page or any other that has a form."""
        content = self.client.get("/login", follow_redirects=True).get_data(as_text=True)
        found = re.search(r'name="csrf_token" value="([^"]+)"', content)
        assert found, "no page with a form"
        return found.group(1)

    def _checked(self, response: TestResponse, status: int) -> TestResponse:
        content = response.get_data(as_text=True) if response.mimetype == "text/html" else ""
        assert response.status_code == status, (response.status_code, response.headers.get("Location"), content[-1500:])
        if "<!doctype" in content[:20].lower() and not 300 <= status < 400:
            assert problems_of(content, self.app) == [], response.request.path
        return response


@pytest.fixture
def app(services: Services) -> Flask:
    """The web application over `services`."""
    made = create_app(services)
    made.config.update(TESTING=True)
    return made


@pytest.fixture
def people(services: Services) -> dict[str, User]:
    """The three people by address; their password is PASSWORD."""
    found = {}
    for number, (email, (name, memberships)) in enumerate(PEOPLE.items(), start=1):
        found[email] = User(f"person{number}", email, name, _HASH, memberships, created_at=services.clock.now())
        services.store.users.add(found[email])
    return found


def visitor_of(app: Flask, services: Services, user: User) -> Visitor:
    """A browser in which somebody is signed in."""
    visitor = Visitor(app)
    token = services.signing_in.begin(user, address="127.0.0.1", browser="Mozilla/5.0 (X11; Linux) Firefox/140.0")
    visitor.client.set_cookie(COOKIE, token)
    return visitor


@pytest.fixture
def nobody(app: Flask, people: dict[str, User]) -> Visitor:
    """A browser in which nobody is signed in."""
    return Visitor(app)


@pytest.fixture
def owner(app: Flask, services: Services, people: dict[str, User]) -> Visitor:
    """Olivia, owner of Acme."""
    return visitor_of(app, services, people[OWNER])


@pytest.fixture
def colleague(app: Flask, services: Services, people: dict[str, User]) -> Visitor:
    """Carl, agent of Acme."""
    return visitor_of(app, services, people[COLLEAGUE])


@pytest.fixture
def stranger(app: Flask, services: Services, people: dict[str, User]) -> Visitor:
    """Sam, owner of Globex: a stranger to Acme."""
    return visitor_of(app, services, people[STRANGER])


@pytest.fixture
def operator(app: Flask, services: Services) -> Visitor:
    """The one who runs the installation: owner of every account."""
    user = User("operator", "root@example.com", "Root", _HASH, {"*": "owner"}, created_at=services.clock.now())
    services.store.users.add(user)
    return visitor_of(app, services, user)
