"""Signing in and out: who gets in, how long, how often one may try, what a stranger learns."""

import re
from datetime import timedelta

import pytest
from flask import Flask

from gateway.app import create_app
from gateway.console.access import COOKIE, safe_next
from gateway.errors import NotAllowed
from gateway.passwords import Passwords, problem_with
from gateway.services import Services, build
from gateway.settings import load_settings
from gateway.signing_in import IDLE, LIFE, SigningIn
from store.users import User
from tests.conftest import FakeClock
from tests.console.conftest import CHEAP, OWNER, PASSWORD, Visitor

HOME = "/accounts/acme/"


def sign_in(visitor: Visitor, email: str, password: str, *, status: int = 200) -> str:
    return visitor.post("/login", {"email": email, "password": password}, status=status).get_data(as_text=True)


def test_a_person_signs_in_with_any_spelling_of_their_address_and_gets_to_their_account(nobody: Visitor) -> None:
    page = sign_in(nobody, " Olivia@ACME.example ", PASSWORD)
    assert "<h1>Acme</h1>" in page
    assert "Olivia Owner" in page


def test_who_is_not_signed_in_is_asked_to_and_then_gets_where_they_wanted(nobody: Visitor) -> None:
    answer = nobody.get(HOME, status=302, follow=False)
    assert answer.headers["Location"] == "/login?next=/accounts/acme/"
    form = {"email": OWNER, "password": PASSWORD, "next": HOME}
    assert nobody.post("/login", form, status=302, follow=False).headers["Location"] == HOME


def test_a_wrong_password_and_an_unknown_person_get_the_same_answer(nobody: Visitor) -> None:
    answers = [sign_in(nobody, email, "wrong password", status=422) for email in (OWNER, "nobody@acme.example")]
    without = [re.sub(r'value="[^"]*"', "", answer) for answer in answers]
    assert without[0] == without[1]
    assert "do not belong together" in answers[0]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/accounts/acme/", "/accounts/acme/"), ("//evil.example/", ""), ("https://evil.example/", ""),
        ("/\\evil.example", ""), ("javascript:alert(1)", ""), ("", ""),
    ],
)  # fmt: skip
def test_signing_in_leads_to_our_own_pages_alone(target: str, expected: str) -> None:
    assert safe_next(target) == expected


def test_after_ten_wrong_tries_one_waits_even_with_the_right_password(nobody: Visitor, clock: FakeClock) -> None:
    for _ in range(10):
        sign_in(nobody, OWNER, "wrong password", status=422)
    assert "Too many tries" in sign_in(nobody, OWNER, PASSWORD, status=429)


def test_wrong_tries_from_elsewhere_do_not_keep_a_person_out(services: Services, people: dict[str, User]) -> None:
    for _ in range(12):
        with pytest.raises(NotAllowed):
            services.signing_in.sign_in(OWNER, "wrong", address="203.0.113.9", browser="")
    assert services.signing_in.sign_in(OWNER, PASSWORD, address="198.51.100.7", browser="")


def test_one_address_cannot_try_many_people(services: Services, people: dict[str, User]) -> None:
    signing_in = SigningIn(services.store, services.clock, passwords=Passwords(CHEAP))
    codes = []
    for number in range(101):
        with pytest.raises(NotAllowed) as refused:
            signing_in.sign_in(f"p{number}@acme.example", "wrong", address="203.0.113.9", browser="")
        codes.append(refused.value.code)
    assert codes == ["wrong_sign_in"] * 100 + ["too_many_tries"]


def test_the_cookie_is_for_this_site_alone_and_not_for_scripts(nobody: Visitor) -> None:
    answer = nobody.post("/login", {"email": OWNER, "password": PASSWORD}, status=302, follow=False)
    cookie = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith(COOKIE))
    assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))


def test_signing_out_ends_it_also_for_who_kept_the_cookie(owner: Visitor) -> None:
    cookie = owner.client.get_cookie(COOKIE)
    assert cookie is not None
    assert "You are signed out" in owner.post("/logout").get_data(as_text=True)
    owner.client.set_cookie(COOKIE, cookie.value)
    owner.get(HOME, status=302, follow=False)


@pytest.mark.parametrize(
    ("step", "times", "status"),
    [(IDLE - timedelta(seconds=1), 3, 200), (IDLE, 1, 302), (IDLE - timedelta(minutes=1), 22, 302)],
    ids=["used now and then", "not used for the idle time", "older than any sign-in may be"],
)
def test_a_sign_in_ends_when_it_is_not_used_and_in_the_end_anyway(
    owner: Visitor, clock: FakeClock, step: timedelta, times: int, status: int
) -> None:
    assert 22 * (IDLE - timedelta(minutes=1)) > LIFE
    for _ in range(times - 1):
        clock.pass_time(step)
        owner.client.get(HOME)
    clock.pass_time(step)
    owner.get(HOME, status=status, follow=False)


def test_other_sign_ins_are_listed_and_can_be_ended(owner: Visitor, nobody: Visitor) -> None:
    sign_in(nobody, OWNER, PASSWORD)
    page = owner.get("/sign-ins").get_data(as_text=True)
    assert page.count("Firefox on Linux") >= 1
    other = re.search(r'name="sign_in" value="([0-9a-f]{64})"', page)
    assert other
    owner.post("/sign-ins/end", {"sign_in": other.group(1)})
    nobody.get(HOME, status=302, follow=False)
    owner.get(HOME)


def test_nobody_ends_the_sign_in_of_another(
    owner: Visitor, stranger: Visitor, services: Services, people: dict[str, User]
) -> None:
    theirs = services.signing_in.all_of(people[OWNER])[0].id
    stranger.post("/sign-ins/end", {"sign_in": theirs}, status=404)
    owner.get(HOME)


def test_a_changed_password_ends_all_other_sign_ins(owner: Visitor, nobody: Visitor) -> None:
    sign_in(nobody, OWNER, PASSWORD)
    new = {"old": PASSWORD, "new": "quite another sentence", "again": "quite another sentence"}
    assert "Your password is changed" in owner.post("/password", new).get_data(as_text=True)
    owner.get(HOME)
    nobody.get(HOME, status=302, follow=False)
    sign_in(nobody, OWNER, PASSWORD, status=422)
    sign_in(nobody, OWNER, "quite another sentence")


@pytest.mark.parametrize(
    ("old", "new", "again", "field", "sentence"),
    [
        ("wrong", "quite another sentence", "quite another sentence", "old", "not your password"),
        (PASSWORD, "quite another sentence", "something else", "again", "not the same"),
        (PASSWORD, "short", "short", "new", "12 characters or more"),
        (PASSWORD, PASSWORD, PASSWORD, "new", "another one"),
    ],
)
def test_what_is_wrong_with_a_password_is_said_beside_its_field(
    owner: Visitor, old: str, new: str, again: str, field: str, sentence: str
) -> None:
    page = owner.post("/password", {"old": old, "new": new, "again": again}, status=422).get_data(as_text=True)
    error = re.search(rf'id="{field}-error">([^<]+)<', page)
    assert error
    assert sentence in error.group(1)


@pytest.mark.parametrize(
    ("password", "good"),
    [
        ("correct horse battery", True), ("short", False), ("aaaaaaaaaaaaaaa", False), ("123123123123", False),
        ("olivia@acme.example", False), ("stopgatestopgate", False), ("x" * 201, False), ("4711 0815 1234 5678 90", True),
    ],
)  # fmt: skip
def test_passwords_have_to_be_long_and_not_easily_guessed(password: str, good: bool) -> None:
    assert (problem_with(password, email=OWNER, name="Olivia") is None) is good


def test_the_first_person_signs_in_once_with_the_printed_password_and_says_who_they_are(
    app: Flask, services: Services
) -> None:
    password = services.users.first_start()
    assert password
    assert services.users.first_start() is None
    visitor = Visitor(app)
    page = sign_in(visitor, "admin", password)
    assert "Choose a password" in page
    visitor.get(HOME, status=302, follow=False)
    chosen = {"old": password, "new": "a sentence of my own", "again": "a sentence of my own"}
    visitor.post("/password", {**chosen, "name": "Ada", "email": "no address"}, status=422)
    page = visitor.post("/password", {**chosen, "name": "Ada", "email": "Ada@Example.com"}).get_data(as_text=True)
    assert "<h1>Acme</h1>" in page
    sign_in(Visitor(app), "admin", password, status=422)
    sign_in(Visitor(app), "ada@example.com", "a sentence of my own")


def test_g8_a_strangers_account_is_not_there_for_others(stranger: Visitor, nobody: Visitor) -> None:
    answers = [stranger.get(f"/accounts/{name}/", status=404).get_data(as_text=True) for name in ("acme", "initech")]
    theirs, nowhere = [re.sub(r'value="[^"]*"', "", answer) for answer in answers]
    assert theirs == nowhere
    stranger.get("/accounts/globex/")


def test_a_form_without_its_token_is_refused(nobody: Visitor) -> None:
    nobody.post("/login", {"csrf_token": "", "email": OWNER, "password": PASSWORD}, status=400)


def test_colours_are_kept_in_this_browser(owner: Visitor) -> None:
    assert "data-bs-theme" not in owner.get(HOME).get_data(as_text=True)
    owner.post("/preferences", {"theme": "dark"})
    assert '<html lang="en" data-bs-theme="dark">' in owner.get(HOME).get_data(as_text=True)


def test_the_first_load_is_small(owner: Visitor) -> None:
    page = owner.get(HOME).get_data(as_text=True)
    total = len(page.encode())
    for path in re.findall(r'(?:src|href)="(/(?:static|bootstrap)[^"]+)"', page):
        with owner.client.get(path, headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.status_code == 200
            assert "immutable" in answer.headers["Cache-Control"]
            total += len(answer.data)
    assert total < 60_000, total


def test_a_store_that_does_not_answer_is_a_page_that_says_so(environment: dict[str, str], services: Services) -> None:
    lost = build(load_settings({**environment, "STOPGATE_STORE_URL": "unix:///nowhere/at/all.sock"}))
    visitor = Visitor(create_app(lost))
    visitor.client.set_cookie(COOKIE, "some token")
    answer = visitor.get(HOME, status=503)
    assert "try again in a moment" in answer.get_data(as_text=True)
    assert answer.headers["Retry-After"] == "2"
    lost.close()
