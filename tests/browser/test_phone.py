"""A new user's first minute at /phone, in a real browser: with JavaScript, without it, wide and narrow."""

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import SCREENSHOTS
from tests.browser.pages import check_page
from tests.processes.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

_numbers = iter(range(100, 200))


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def page(browser: Browser, product: Installation, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=request.param, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{product.url}/phone?me=%2B12025550{next(_numbers)}")
    yield page
    assert problems == []
    context.close()


def test_a_new_users_first_minute(page: Page) -> None:
    verdict = page.locator("#verdict .answer")
    expect(verdict).to_have_text("Yes")
    page.get_by_role("button", name="STOP", exact=True).click()
    expect(page.locator(".bubble.theirs .text")).to_contain_text("You are unsubscribed and will get no more messages")
    expect(page.locator(".bubble.theirs .under")).to_contain_text("delivered")
    expect(verdict).to_have_text("No")
    page.get_by_role("button", name="Send to this phone").click()
    expect(page.locator(".notice.refused")).to_contain_text(
        "Refused. This person opted out, because this person texted"
    )
    page.get_by_role("button", name="UNSTOP").click()
    expect(verdict).to_have_text("Yes")
    page.get_by_role("button", name="Send to this phone").click()
    expect(page.locator(".bubble.theirs .text").last).to_contain_text("Book fair on Saturday")
    page.get_by_label("Text message").fill("hours")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".bubble.theirs .text").last).to_contain_text("open Monday to Saturday")


def test_the_page_is_sound_in_every_state_and_at_every_width(browser: Browser, product: Installation) -> None:
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.goto(f"{product.url}/phone?me=%2B12025550{next(_numbers)}")
        check_page(page)
        page.get_by_role("button", name="STOP", exact=True).click()
        page.get_by_role("button", name="Send to this phone").click()
        expect(page.locator(".notice.refused")).to_be_visible()
        check_page(page)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.screenshot(path=SCREENSHOTS / f"phone-{width}-{scheme}.png", full_page=width == 390)
        context.close()


def test_new_texts_appear_by_themselves(browser: Browser, product: Installation) -> None:
    number = f"+12025550{next(_numbers)}"
    page = browser.new_page()
    page.goto(f"{product.url}/phone", wait_until="networkidle")
    page.goto(f"{product.url}/phone?me={number.replace('+', '%2B')}")
    other = browser.new_page()
    other.goto(page.url)
    other.get_by_role("button", name="HELP").click()
    expect(page.locator(".bubble.theirs .text")).to_contain_text("For help", timeout=5000)
    page.close()
    other.close()


def test_the_keyboard_reaches_everything(browser: Browser, product: Installation) -> None:
    page = browser.new_page()
    page.goto(f"{product.url}/phone?me=%2B12025550{next(_numbers)}")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.get_by_label("Text message").focus()
    page.keyboard.type("STOP")
    page.keyboard.press("Enter")
    expect(page.locator("#verdict .answer")).to_have_text("No")
    page.close()


@pytest.mark.parametrize("query", ["me=nonsense", "me=", "sender=%2B19999999999", "me=%2B1202555%00"])
def test_odd_addresses_get_a_page_and_no_error(product: Installation, query: str) -> None:
    answer = requests.get(f"{product.url}/phone?{query}", timeout=10)
    assert answer.status_code in {200, 404}
    assert "<h1>" in answer.text


def test_a_form_without_its_token_changes_nothing(product: Installation) -> None:
    answer = requests.post(f"{product.url}/phone/text", data={"body": "STOP", "me": "+12025550101"}, timeout=10)
    assert answer.status_code == 400
    assert "<h1>" in answer.text
