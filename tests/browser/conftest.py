"""A real browser against a running Stopgate: one of each for all browser tests, and the people who use it."""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.example import OWNER, Example, Phone, add_people, printed_password, running_example
from tests.browser.pages import sign_in
from tests.browser.receiver import Receiver
from tests.processes.installation import Installation

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
"""Where pictures of pages go; CI keeps them. Git does not."""
_ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

PASSWORD = "a sentence of my own"

Visit = Callable[..., Page]
States = Mapping[str, Any]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium. Without it these tests are skipped, except in CI, where it has to be there."""
    path = shutil.which("chromium")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is missing; .ci/run installs it")
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        yield browser
        browser.close()


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
    found = {OWNER: _first_sign_in(browser, product, "admin", first_password, introduce=("Ada", OWNER))}
    for email, password in add_people(example).items():
        found[email] = _first_sign_in(browser, product, email, password)
    return found


def _first_sign_in(
    browser: Browser, installation: Installation, email: str, password: str, introduce: tuple[str, str] | None = None
) -> Any:
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, installation.url, email, password)
    expect(page.get_by_role("heading", level=1)).to_have_text("Choose a password")
    if introduce is not None:
        page.get_by_label("Your name").fill(introduce[0])
        page.get_by_label("Your email").fill(introduce[1])
    page.get_by_label("One-time password").fill(password)
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password again").fill(PASSWORD)
    page.get_by_role("button", name="Choose it").click()
    expect(page.locator(".notice.done")).to_contain_text("Your password is changed")
    state = context.storage_state()
    context.close()
    return state


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
    # A refused form answers 422 and a page that is not there 404, which Chromium reports as errors of its own.
    assert [problem for problem in problems if not re.search("status of (422|404)", problem)] == []


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
