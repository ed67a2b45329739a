"""Numero, "How do I opt out phone numbers in bulk?", done in our console."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.company import LOCAL
from tests.browser.example import Phone
from tests.browser.importing import try_it, until_heading, upload
from tests.browser.pages import HOME, add_contact, check_page, go, wait_until_gone

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


def test_a_reply_to_a_broadcast_opts_out_and_the_send_audience_shrinks(owner: Page, new_phone: NewPhone) -> None:
    page, phones = owner, [new_phone() for _ in range(3)]
    phones[0].text("STOP")
    go(page, "Audiences")
    name = f"Readers {phones[0].number[-4:]}"
    page.get_by_label("Short name").fill(name.lower().replace(" ", "-"))
    page.get_by_label("Name (optional)").fill(name)
    page.get_by_role("button", name="Make it").click()
    page.get_by_label("Numbers", exact=True).fill(", ".join(phone.number for phone in phones))
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".notice.done")).to_contain_text("2 joined")
    expect(page.locator(".notice.refused")).to_contain_text("1 number is opted out and did not join")

    go(page, "Broadcasts")
    page.get_by_role("link", name="Write a broadcast").first.click()
    check_page(page)
    page.get_by_label("To the audience").select_option(name.lower().replace(" ", "-"))
    page.get_by_label("From", exact=True).select_option(LOCAL)
    page.get_by_role("textbox", name="Text", exact=True).fill(
        "Riverside Books: author night on Friday at 7. Reply STOP to opt out."
    )
    page.get_by_role("button", name="Save and look at it").click()
    check_page(page)
    page.get_by_role("link", name="Send it to 2 people").click()
    check_page(page)
    page.get_by_role("button", name="Text 2 people").click()
    phones[1].waits_for("author night")
    phones[2].waits_for("author night")
    assert not [body for body in phones[0].received() if "author night" in body]

    # "Responded to a broadcast triggering an Opt Out action", and the updated Send Audience.
    phones[1].text("stop").waits_for("You are unsubscribed")
    page.reload()
    expect(page.locator("#broadcast-outcomes")).to_contain_text(phones[1].national)
    page.goto(f"{HOME}/audiences/{name.lower().replace(' ', '-')}")
    wait_until_gone(page, phones[1].national)
    expect(page.locator("main")).to_contain_text("1 would get a text now")


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
