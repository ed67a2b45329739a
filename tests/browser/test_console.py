"""Parts of the console in a real browser: switches, trying a text, copying, no JavaScript."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser.conftest import States
from tests.browser.example import OWNER
from tests.browser.pages import check_page
from tests.browser.signing_in import PASSWORD, sign_in
from tests.processes.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def signed_in(browser: Browser, states: States) -> Iterator[BrowserContext]:
    """Ada's browser."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, storage_state=states[OWNER])
    yield context
    context.close()


def test_a_keyword_is_switched_and_a_text_tried_without_leaving_the_page(
    signed_in: BrowserContext, product: Installation
) -> None:
    page = signed_in.new_page()
    page.goto(f"{product.url}/accounts/demo/keywords?language=en&action=help")
    switch = page.get_by_role("switch").last
    expect(switch).to_have_attribute("aria-checked", "true")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    page.reload()
    expect(page.get_by_role("switch").last).to_have_attribute("aria-checked", "false")
    page.get_by_role("switch").last.click()
    expect(page.get_by_role("switch").last).to_have_attribute("aria-checked", "true")
    page.get_by_label("Text", exact=True).press_sequentially("please take me off your list")
    expect(page.locator("#trial")).to_contain_text("The person gets no more texts")
    page.close()


def test_a_mandatory_word_shows_the_law_before_it_goes_off(signed_in: BrowserContext, product: Installation) -> None:
    page = signed_in.new_page()
    page.goto(f"{product.url}/accounts/demo/keywords")
    page.get_by_role("switch", name="STOP", exact=True).click()
    expect(page.get_by_role("heading", name="Switch STOP off?")).to_be_visible()
    expect(page.locator("main")).to_contain_text("47 CFR 64.1200")
    check_page(page)
    page.get_by_role("link", name="Leave it as it is").click()
    expect(page.get_by_role("switch").first).to_have_attribute("aria-checked", "true")
    page.close()


def test_without_javascript_one_signs_in_changes_a_setting_and_takes_it_back(
    browser: Browser, signed_in: BrowserContext, product: Installation
) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    sign_in(page, product.url, OWNER, PASSWORD)
    page.locator("details.menu.narrow > summary").click()
    page.get_by_role("link", name="Settings").first.click()
    page.get_by_role("switch", name="Clarify opt outs").click()
    expect(page.locator(".notice.done")).to_contain_text("Clarify opt outs is on now")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("switch", name="Clarify opt outs")).to_have_attribute("aria-checked", "false")
    page.locator("details.menu.right > summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator(".notice.done")).to_contain_text("signed out")
    context.close()


def test_a_number_is_copied_as_e164(signed_in: BrowserContext, product: Installation) -> None:
    page = signed_in.new_page()
    page.goto(f"{product.url}/accounts/demo/senders")
    number = page.locator("[data-copy]").first
    expected = number.get_attribute("data-copy")
    copied = page.evaluate(
        """() => new Promise(done => {
            const number = document.querySelector("[data-copy]");
            getSelection().selectAllChildren(number);
            document.addEventListener("copy", event => done(event.clipboardData.getData("text/plain")));
            document.execCommand("copy");
        })"""
    )
    assert copied == expected
    assert expected
    assert expected.startswith("+")
    page.close()
