"""SMSGlobal MXT, "Managing Opt Outs", done in our console."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.example import Phone
from tests.browser.pages import HOME, add_contact, go, wait_until_gone

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
NewPhone = Callable[..., Phone]


def test_automatically_delete_opt_outs_from_contacts_and_enforce_global_opt_outs(
    owner: Page, new_phone: NewPhone
) -> None:
    page, phone = owner, new_phone()
    add_contact(page, "Nina", "Okafor", phone)
    go(page, "Settings")
    # The seed's second box does nothing without the first, silently; ours work by themselves.
    expect(page.get_by_role("switch", name="Remove from all audiences")).to_have_attribute("aria-checked", "true")
    expect(page.get_by_role("switch", name="Enforce global opt outs")).to_have_attribute("aria-checked", "true")
    switch = page.get_by_role("switch", name="Delete opt outs from contacts")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")
    try:
        phone.text("STOP")
        page.goto(f"{HOME}/contacts?name=Nina")
        wait_until_gone(page, "Okafor")
    finally:
        go(page, "Settings")
        page.get_by_role("switch", name="Delete opt outs from contacts").click()
        expect(page.get_by_role("switch", name="Delete opt outs from contacts")).to_have_attribute(
            "aria-checked", "false"
        )
    # "... will not be re-uploaded if a new contact file contains a previously opted-out number."
    go(page, "Contacts")
    page.get_by_label("Phones").fill(phone.number)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#phones-error")).to_contain_text("opted out")


@pytest.mark.parametrize(
    ("name", "ending", "begins"),
    [("CSV", ".csv", b"\xef\xbb\xbf"), ("Excel", ".xlsx", b"PK"), ("PDF, 2,000 rows at most", ".pdf", b"%PDF"),
     ("Text with tabs", ".tab", b"")],
)  # fmt: skip
def test_the_incoming_report_is_exported(
    owner: Page, new_phone: NewPhone, name: str, ending: str, begins: bytes
) -> None:
    page, phone = owner, new_phone().text("please stop texting me")
    go(page, "Incoming")
    expect(page.get_by_role("row").filter(has_text=phone.national)).to_contain_text("please stop texting me")
    # By text it cannot be found: the form's field "contains" hides the DOM method that Playwright uses for that.
    page.locator("main summary.btn").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=name, exact=True).click()
    assert download.value.suggested_filename.endswith(ending)
    assert Path(download.value.path()).read_bytes().startswith(begins)
