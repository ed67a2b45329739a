"""SMSGlobal MXT, "Managing Opt Outs", done in our console."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.example import Phone
from tests.browser.importing import try_it, until_heading, upload
from tests.browser.pages import HOME, add_contact, check_page, go, wait_until_gone

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
    expect(page.locator("#phones-error")).to_contain_text("STOP texted to")


@pytest.mark.parametrize(
    ("name", "ending", "begins"),
    [("CSV", ".csv", b"\xef\xbb\xbf"), ("Excel", ".xlsx", b"PK"), ("PDF, 2,000 rows at most", ".pdf", b"%PDF"),
     ("Text with tabs", ".tsv", b"\xef\xbb\xbf")],
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


def test_reset_brings_back_whom_a_colleague_opted_out_and_never_whom_did_it_themself(
    owner: Page, new_phone: NewPhone
) -> None:
    page, by_admin, by_self = owner, new_phone(), new_phone().text("STOP")
    page.goto(f"{HOME}/opt-outs")
    page.get_by_label("Numbers", exact=True).fill(by_admin.number)
    page.get_by_role("button", name="Opt them out").click()
    upload(page, "contacts", "again.csv", f"Phone\n{by_admin.number}\n{by_self.number}\n")
    page.get_by_label("Audience", exact=True).select_option("story-time")
    page.get_by_label("Reset contacts that previously opted out").check()
    try_it(page)
    expect(page.locator("#import-progress")).to_contain_text("you are asked once more")
    page.locator("#import-actions .btn-primary").click()
    # "If this option is selected, any numbers may be re-imported": ours asks once more and says who stays out.
    expect(page.get_by_role("heading", level=1)).to_have_text("Bring back contacts that opted out before?")
    expect(page.locator("main")).to_contain_text("Whoever said STOP")
    check_page(page)
    page.locator("main .btn-danger").click()
    until_heading(page, "The import is done")
    page.goto(f"{HOME}/numbers/{by_admin.number}")
    expect(page.locator("dl.standing dt", has_text="Texts from").locator("+ dd").first).to_have_text("yes")
    page.goto(f"{HOME}/numbers/{by_self.number}")
    expect(page.locator("dl.standing")).not_to_contain_text("yes")
