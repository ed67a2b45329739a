"""Numero, "How do I opt out phone numbers in bulk?", done in our console."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.example import Phone
from tests.browser.importing import try_it, until_heading, upload
from tests.browser.pages import HOME, add_contact, check_page

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


def test_import_a_list_of_phone_opt_outs_with_dates_into_contacts(owner: Page, new_phone: NewPhone) -> None:
    page, one, other = owner, new_phone(), new_phone()
    add_contact(page, "Hana", "Sato", one)
    # "First Name, Last Name, Primary Phone and a corresponding column for Opt Out Date", Employer besides.
    content = (
        "First Name,Last Name,Primary Phone,Opt Out Date,Employer\n"
        f"Hana,Sato,{one.national},2026-02-03,Library\nOmar,Haddad,{other.national},,\n"
    )
    upload(page, "contacts", "opt-outs-of-supporters.csv", content)
    expect(page.get_by_label("What Opt Out Date is")).to_have_value("opted_out_at")
    try_it(page)
    expect(page.locator("#import-counts")).to_contain_text("would be opted out")
    page.locator("#import-actions .btn-primary").click()
    until_heading(page, "The import is done")
    # "Appends to existing profiles".
    page.goto(f"{HOME}/contacts?name=Hana")
    row = page.get_by_role("row").filter(has_text=one.national)
    expect(row).to_contain_text("opted out")
    row.get_by_role("link").first.click()
    expect(page.get_by_label("Employer")).to_have_value("Library")
    expect(page.locator(".phone-row")).to_contain_text("no texts")
    page.goto(f"{HOME}/opt-outs?number={one.number[1:]}")
    expect(page.get_by_role("row").filter(has_text=one.national)).to_contain_text("3 Feb")
