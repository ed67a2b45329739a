"""A real browser against a running Stopgate: one of each for all browser tests, and the people who use it."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.chromium import chromium, open_chromium
from tests.browser.example import OWNER, Example, Phone, add_people, printed_password, running_example
from tests.browser.receiver import Receiver
from tests.browser.signing_in import first_sign_in
from tests.processes.installation import Installation

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
"""Where pictures of pages go; CI keeps them. Git does not."""
Visit = Callable[..., Page]
States = Mapping[str, Any]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium. Without it these tests are skipped, except in CI, where it has to be there."""
    if not chromium():
        if os.environ.get("CI"):
            pytest.fail("chromium is missing; .ci/run installs it")
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    with open_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def told() -> Iterator[Receiver]:
    """A program that Riverside's events go to."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory, told: Receiver) -> Iterator[Example]:
    """`stopgate up` without a carrier, with two weeks of a small company in it. Programs of ours may be told of events."""
    with running_example(tmp_path_factory.mktemp("example"), told.url) as example:
        yield example


@pytest.fixture(scope="session")
def product(example: Example) -> Installation:
    """The running product."""
    return example.installation


@pytest.fixture(scope="session")
def first_password(product: Installation) -> str:
    """The one-time password that `stopgate up` printed."""
    return printed_password(product)


@pytest.fixture(scope="session")
def states(browser: Browser, example: Example, product: Installation, first_password: str) -> dict[str, Any]:
    """The cookies of the people, each of whom signed in with a password for once and chose another."""
    found = {OWNER: first_sign_in(browser, product.url, "admin", first_password, introduce=("Ada", OWNER))}
    for email, password in add_people(example).items():
        found[email] = first_sign_in(browser, product.url, email, password)
    return found


@pytest.fixture
def visit(browser: Browser, product: Installation, states: States) -> Iterator[Visit]:
    """Open a browser as somebody: `visit(OWNER, javascript=False)` -> a page. Errors in its console fail the test."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def begin(email: str | None, *, javascript: bool = True, width: int = 1280, scheme: Any = "light") -> Page:
        context = browser.new_context(
            storage_state=states[email] if email else None, java_script_enabled=javascript, color_scheme=scheme,
            viewport={"width": width, "height": 900}, base_url=product.url, accept_downloads=True,
        )  # fmt: skip
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        return page

    yield begin
    for context in contexts:
        context.close()
    # A refused form answers 422, a page that is not there 404 and one for others 403, which Chromium reports as errors of its own.
    assert [problem for problem in problems if not re.search("status of (403|404|422)", problem)] == []


@pytest.fixture
def owner(visit: Visit) -> Page:
    """Ada's browser."""
    return visit(OWNER)


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def owner_either_way(visit: Visit, request: pytest.FixtureRequest) -> Page:
    """Ada's browser, once with JavaScript and once without."""
    return visit(OWNER, javascript=request.param)


_numbers = iter(range(1000, 10_000))


@pytest.fixture
def new_phone(product: Installation, states: States) -> Callable[..., Phone]:
    """Somebody's phone with a number of its own: `new_phone()`, or `new_phone(SHORT_CODE)` that texts another sender."""
    return lambda *sender: Phone(product, f"+1415555{next(_numbers)}", *sender)
