"""Call-Em-All, "Opt Out Report", done in our console."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter
from playwright.sync_api import Page, expect

from tests.browser.company import LOCAL
from tests.browser.example import Phone
from tests.browser.importing import apply_it, try_it, upload
from tests.browser.pages import HOME, check_page, go

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
NewPhone = Callable[..., Phone]


@pytest.mark.parametrize(("chosen", "shown", "stays"), [("Calls", "calls", "texts"), ("Texts", "texts", "calls")])
def test_add_an_opt_out_for_voice_or_text(
    owner: Page, new_phone: NewPhone, chosen: str, shown: str, stays: str
) -> None:
    page, phone = owner, new_phone()
    go(page, "Opt-outs")
    page.get_by_role("link", name="Add numbers").click()
    page.get_by_label("Numbers", exact=True).fill(phone.national)
    page.get_by_label("What stops").select_option(chosen)
    page.get_by_role("button", name="Opt them out").click()
    expect(page.locator(".notice.done")).to_contain_text("1 newly opted out")
    # Filtered by type and by the day it was added, sorted by number.
    page.goto(f"{HOME}/opt-outs?channel={'voice' if shown == 'calls' else 'text'}&added_since=2026-01-01&sort=number")
    row = page.get_by_role("row").filter(has_text=phone.national)
    expect(row.get_by_role("cell").nth(2)).to_have_text(shown)
    row.get_by_role("link").click()
    expect(page.locator(".state.bad").first).to_have_text("no")
    expect(page.locator("main")).not_to_contain_text("Texts and calls:")
    assert stays not in shown


def test_upload_an_excel_file_then_filter_sort_and_export_the_report(owner: Page, new_phone: NewPhone) -> None:
    page, phones = owner, [new_phone() for _ in range(2)]
    upload(
        page,
        "opt-outs",
        "leavers.xlsx",
        workbook([["Phone", "Opt out of"], *([phone.national, "voice"] for phone in phones)]),
    )
    page.get_by_label("What Opt out of is").select_option(label="Texts, calls or both")
    try_it(page)
    apply_it(page, "Opt 2 numbers out")
    go(page, "Opt-outs")
    page.get_by_text("Search and filter").click()
    page.get_by_label("Number, or how it begins").fill(phones[0].number[:-1])
    page.get_by_label("Stops", exact=True).select_option(label="calls")
    page.get_by_role("button", name="Filter").click()
    check_page(page)
    expect(page.get_by_role("row").filter(has_text=phones[0].national)).to_contain_text("an import")
    page.get_by_role("columnheader", name="Number").get_by_role("link").click()
    expect(page.get_by_role("columnheader", name="Number")).to_have_attribute("aria-sort", re.compile("scending"))
    page.get_by_text("Export these").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV", exact=True).click()
    report = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert phones[0].number in report
    assert LOCAL not in report


def workbook(rows: list[list[str]]) -> bytes:
    """An Excel file."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file)
    sheet = book.add_worksheet()
    for place, row in enumerate(rows):
        sheet.write_row(place, 0, row)
    book.close()
    return file.getvalue()


def test_who_opted_out_by_text_cannot_be_opted_in_here_and_comes_back_by_unstop(
    owner_either_way: Page, new_phone: NewPhone
) -> None:
    page, phone = owner_either_way, new_phone().text("Stop")
    page.goto(f"{HOME}/opt-outs?number={phone.number[1:]}")
    # G5: nothing to tick in the list, and the page of the number has no way to lift it but the person's own.
    row = page.get_by_role("row").filter(has_text=phone.national)
    assert row.get_by_role("checkbox").count() == 0
    row.get_by_role("link").click()
    check_page(page)
    # "When a number opts out from a text message, we will block BOTH voice and text."
    expect(page.locator("dl.standing")).not_to_contain_text("yes")
    expect(page.locator("main")).to_contain_text(
        "This person opted out by text. Only they can come back: ask them to text START to +1 202-555-0142."
    )
    assert page.get_by_role("link", name="Opt in for").count() == 0
    # Whoever asks for it all the same by the address is refused in the same words.
    page.goto(f"{HOME}/numbers/{phone.number}/opt-in")
    page.get_by_label("Reason, for the journal").fill("They said so")
    page.get_by_label("This person agreed").check()
    page.get_by_role("button", name="Opt 1 person in").click()
    expect(page.locator(".notice.refused")).to_contain_text("Only they can come back")

    phone.text("unstop").waits_for("subscribed again")
    page.reload()
    expect(page.locator("dl.standing")).not_to_contain_text("no")
    expect(page.locator("main")).to_contain_text("Nothing is known that speaks against it.")
