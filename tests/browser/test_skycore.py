"""Skycore, "Opt-Out List", done in our console."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.company import SHORT_CODE
from tests.browser.conftest import Visit
from tests.browser.example import OWNER, STRANGER, Phone
from tests.browser.importing import try_it, until_heading, upload
from tests.browser.pages import HOME, check_page, go, wait_until_gone

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
NewPhone = Callable[..., Phone]


def test_a_stop_to_the_shared_short_code_is_on_the_list_with_its_source_and_blocks_every_account(
    visit: Visit, new_phone: NewPhone
) -> None:
    phone = new_phone(SHORT_CODE).text("STOP")
    page = visit(OWNER)
    page.goto(f"{HOME}/opt-outs?number={phone.number[1:]}")
    row = page.get_by_role("row").filter(has_text=phone.national)
    expect(row).to_contain_text("a text")
    expect(row.locator("time").first).to_have_attribute("title", re.compile(r"\d{2}:\d{2}:\d{2}"))
    # "The number will be opted out for the shortcode on all the audience lists owned by all accounts" (G8).
    neighbour = visit(STRANGER)
    neighbour.goto(f"/accounts/harbor/numbers/{phone.number}")
    standing = neighbour.locator("dl.standing")
    expect(standing.locator("dt", has_text=f"Texts from {SHORT_CODE}").locator("+ dd")).to_contain_text("no")
    expect(standing.locator("dt", has_text="Texts from +1 202-555-0188").locator("+ dd")).to_contain_text("yes")
    assert "Riverside" not in neighbour.content()


def test_add_a_number_and_it_leaves_its_audiences_and_cannot_be_added_again(owner: Page, new_phone: NewPhone) -> None:
    page, phone = owner, new_phone()
    go(page, "Audiences")
    page.get_by_role("link", name="Story time").click()
    check_page(page)
    add_to_audience(page, phone)
    expect(page.locator(".notice.done")).to_contain_text("1 joined")

    go(page, "Opt-outs")
    page.get_by_role("link", name="Add numbers").click()
    page.get_by_label("Numbers", exact=True).fill(phone.number)
    page.get_by_role("button", name="Opt them out").click()
    expect(page.locator(".notice.done")).to_contain_text("1 newly opted out")

    # Leaving is work in the background.
    page.goto(f"{HOME}/audiences/story-time")
    wait_until_gone(page, phone.national)
    add_to_audience(page, phone)
    expect(page.locator(".notice.refused")).to_contain_text("1 number is opted out and did not join")
    expect(page.locator(".notice.refused")).to_contain_text("opted out")


def test_a_number_on_the_list_texts_a_keyword_confirms_and_is_in_the_audience(owner: Page, new_phone: NewPhone) -> None:
    page, phone = owner, new_phone().text("STOP")
    phone.text("BOOKS")
    phone.waits_for("Reply Y to get")
    page.goto(f"{HOME}/numbers/{phone.number}")
    expect(page.locator("dl.standing .state.bad").first).to_have_text("no")
    phone.text("Y")
    phone.waits_for("You get")
    page.goto(f"{HOME}/audiences/book-club")
    expect(page.get_by_role("row").filter(has_text=phone.national)).to_be_visible()
    page.goto(f"{HOME}/opt-outs?number={phone.number[1:]}")
    expect(page.get_by_role("heading", name="No opt-out fits")).to_be_visible()


def test_delete_a_number_from_the_list_and_it_can_be_added_to_an_audience(owner: Page, new_phone: NewPhone) -> None:
    page, phone = owner, new_phone()
    go(page, "Opt-outs")
    page.get_by_label("Numbers", exact=True).fill(phone.number)
    page.get_by_role("button", name="Opt them out").click()
    page.get_by_role("checkbox", name=f"Choose +1 {phone.national[1:4]}-{phone.national[6:]}").check()
    page.get_by_role("button", name="Opt them in again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Opt 1 number in again?")
    check_page(page)
    page.get_by_label("Reason, for the journal").fill("The list was the wrong file")
    page.get_by_label("These people agreed to hear from").check()
    page.get_by_role("button", name="Opt 1 number in").click()
    expect(page.locator(".notice.done")).to_contain_text("1 may be reached again")
    page.goto(f"{HOME}/audiences/story-time")
    add_to_audience(page, phone)
    expect(page.locator(".notice.done")).to_contain_text("1 joined")


@pytest.mark.parametrize(("name", "ending"), [("CSV", ".csv"), ("Excel", ".xlsx")])
def test_export_all(owner: Page, new_phone: NewPhone, name: str, ending: str) -> None:
    page, phone = owner, new_phone().text("STOP")
    go(page, "Opt-outs")
    page.get_by_text("Export these").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=name, exact=True).click()
    file = download.value
    assert file.suggested_filename.endswith(ending)
    if ending == ".csv":
        assert phone.number in Path(file.path()).read_text(encoding="utf-8-sig")


def test_importing_numbers_of_the_list_fails_for_them_and_gives_a_file_of_those_that_failed(
    owner: Page, new_phone: NewPhone
) -> None:
    page, out, fine = owner, new_phone().text("STOP"), new_phone()
    upload(page, "contacts", "readers.csv", f"Name,Phone\nKim,{out.national}\nLee,{fine.national}\nMax,12\n")
    page.get_by_label("Audience", exact=True).select_option("story-time")
    try_it(page)
    page.locator("#import-actions .btn-primary").click()
    until_heading(page, "The import is done")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the rows below as CSV").click()
    failed = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert "Kim" in failed
    assert "Max" in failed
    assert "Lee" not in failed
    page.goto(f"{HOME}/audiences/story-time")
    expect(page.get_by_role("row").filter(has_text=fine.national)).to_be_visible()
    assert out.national not in page.content()


def add_to_audience(page: Page, phone: Phone) -> None:
    page.get_by_label("Numbers", exact=True).fill(phone.number)
    page.get_by_role("button", name="Add", exact=True).click()
