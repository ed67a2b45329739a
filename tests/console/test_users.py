"""People and roles: who may add whom, what is written down, what nobody may do."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from gateway.console import access
from gateway.roles import CAPABILITIES, ROLES
from gateway.services import Services
from store.users import User
from tests.console.conftest import COLLEAGUE, OWNER, STRANGER, Visitor, visitor_of

USERS = "/accounts/acme/users"


def test_a_person_is_added_and_signs_in_with_the_password_that_was_shown_once(owner: Visitor, nobody: Visitor) -> None:
    page = owner.post(USERS, {"email": "Nina@Acme.example", "name": "Nina", "role": "viewer"}).get_data(as_text=True)
    password = re.search(r'class="secret"><code>([^<]+)<', page)
    assert password
    assert password.group(1) not in owner.get(USERS).get_data(as_text=True)
    page = nobody.post("/login", {"email": "nina@acme.example", "password": password.group(1)}).get_data(as_text=True)
    assert "Choose a password" in page


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"email": "no address", "role": "agent"}, "email"),
        ({"email": COLLEAGUE, "role": "agent"}, "email"),
        ({"email": "x@acme.example", "role": "king"}, "role"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(owner: Visitor, form: dict[str, str], field: str) -> None:
    assert f'id="{field}-error"' in owner.post(USERS, form, status=422).get_data(as_text=True)


def test_a_role_is_changed_and_written_down(owner: Visitor, services: Services, people: dict[str, User]) -> None:
    page = owner.post(f"{USERS}/{people[COLLEAGUE].id}", {"role": "admin"}).get_data(as_text=True)
    assert "Carl Colleague is admin now" in page
    newest = services.store.configuration_journal.newest("acme", count=1)[0]
    assert (newest.actor, newest.area, newest.name, newest.before, newest.after) == (
        f"user {OWNER}", "users", COLLEAGUE, "agent", "admin",
    )  # fmt: skip


def test_removing_says_what_will_happen_first_and_then_the_person_is_out(
    owner: Visitor, colleague: Visitor, people: dict[str, User]
) -> None:
    path = f"{USERS}/{people[COLLEAGUE].id}/remove"
    assert "cannot sign in any more" in owner.get(path).get_data(as_text=True)
    colleague.get("/accounts/acme/")
    owner.post(path, {"confirmed": "yes"})
    colleague.get("/accounts/acme/", status=302, follow=False)
    owner.get(f"{USERS}/{people[COLLEAGUE].id}", status=404)


def test_a_new_password_ends_the_sign_ins(owner: Visitor, colleague: Visitor, people: dict[str, User]) -> None:
    path = f"{USERS}/{people[COLLEAGUE].id}/password"
    owner.post(path)
    colleague.get("/accounts/acme/")
    assert 'class="secret"' in owner.post(path, {"confirmed": "yes"}).get_data(as_text=True)
    colleague.get("/accounts/acme/", status=302, follow=False)


def test_an_account_keeps_its_last_owner(owner: Visitor, people: dict[str, User]) -> None:
    page = owner.post(f"{USERS}/{people[OWNER].id}", {"role": "viewer"}, status=409).get_data(as_text=True)
    assert "Somebody has to be the owner" in page
    owner.post(f"{USERS}/{people[OWNER].id}/remove", {"confirmed": "yes"}, status=403)


@pytest.mark.parametrize("path", ["", "/password", "/remove"])
def test_an_admin_changes_no_owner_and_makes_none(
    app: Flask, services: Services, people: dict[str, User], path: str
) -> None:
    services.users.give_role(people[COLLEAGUE], "acme", "admin", actor="test")
    admin = visitor_of(app, services, people[COLLEAGUE])
    admin.post(f"{USERS}/{people[OWNER].id}{path}", {"role": "viewer", "confirmed": "yes"}, status=403)
    admin.post(USERS, {"email": "new@acme.example", "role": "owner"}, status=422)
    assert "owner</option>" not in admin.get(USERS).get_data(as_text=True)


def test_g8_people_of_other_accounts_are_not_there(owner: Visitor, people: dict[str, User]) -> None:
    assert "Sam Stranger" not in owner.get(USERS).get_data(as_text=True)
    for path in ("", "/password", "/remove"):
        owner.get(f"{USERS}/{people[STRANGER].id}{path}", status=404)


def test_the_page_shows_the_table_of_roles(owner: Visitor) -> None:
    page = owner.get(USERS).get_data(as_text=True)
    rows = re.findall(r'<th scope="row">([^<]+)</th>(.*?)</tr>', page, re.DOTALL)
    shown = {
        sentence: [role for role, cell in zip(ROLES, cells.split("</td>"), strict=False) if "yes" in cell]
        for sentence, cells in rows
    }
    table = {
        each.sentence: [role for role in ROLES if role in each.roles]
        for each in CAPABILITIES.values()
        if not each.everywhere
    }
    assert shown == table


def _pages(app: Flask) -> Iterator[tuple[str, str, str]]:
    for rule in app.url_map.iter_rules():
        if rule.endpoint in access.PAGES:
            values = {name: "account" if name == "account_id" else "1" for name in rule.arguments}
            built = rule.build({**values, "account_id": "acme"}, append_unknown=False)
            assert built
            method = "GET" if "GET" in (rule.methods or ()) else "POST"
            yield rule.endpoint, method, built[1]


@pytest.mark.parametrize("role", ROLES)
def test_every_page_opens_for_the_roles_of_its_capability_and_for_no_other(
    app: Flask, services: Services, people: dict[str, User], role: str
) -> None:
    """The table in access.py, tried from outside with every role on every page."""
    services.store.users.add(User("r", f"{role}@acme.example", role, "", {"acme": role}))
    someone = services.store.users.find("r")
    assert someone
    visitor = visitor_of(app, services, someone)
    token = visitor.token()
    wrong = []
    for endpoint, method, path in _pages(app):
        answer = visitor.client.open(path, method=method, data={"csrf_token": token} if method == "POST" else None)
        needed = CAPABILITIES[access.PAGES[endpoint]]
        open_to = role in needed.roles and not needed.everywhere
        # 403 for who may not; for who may, whatever the page says of a thing that is not there.
        if (answer.status_code == 403) == open_to or answer.status_code >= 500:
            wrong.append((endpoint, role, answer.status_code))
    assert wrong == []
