"""Numero, "How do I opt out phone numbers in bulk?", done in our console."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.example import Phone
from tests.browser.pages import add_contact, check_page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
NewPhone = Callable[..., Phone]


def test_update_an_individual_contact_record(owner: Page, new_phone: NewPhone) -> None:
    page, phone = owner, new_phone()
    add_contact(page, "Rosa", "Alvarez", phone)
    expect(page.get_by_role("heading", level=1)).to_have_text("Rosa Alvarez")
    # The seed's "toggle Opted Out? from Yes to No" says the opposite of what it does; ours names what will be.
    page.get_by_text("Change", exact=True).click()
    page.get_by_label("Note or reason").fill("Told us at the door")
    page.get_by_role("button", name="Opt out", exact=True).click()
    expect(page.locator(".phone-row")).to_contain_text("no texts")
    expect(page.locator(".phone-row")).to_contain_text("no calls")

    page.get_by_text("Change", exact=True).click()
    page.get_by_label("For", exact=True).select_option("voice")
    page.get_by_label("Note or reason").fill("Calls are fine again")
    page.get_by_label("The person agreed to come back").check()
    page.get_by_role("button", name="Opt in again").click()
    expect(page.locator(".phone-row .state.bad")).to_have_text("no texts")
    expect(page.locator(".phone-row .state.good")).to_have_text("calls")
    check_page(page)
