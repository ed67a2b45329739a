"""GetThru ThruText, "How to manage your Opt Outs", done in our console with and without JavaScript."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.example import Phone
from tests.browser.importing import apply_it, try_it, until_heading, upload
from tests.browser.pages import HOME, check_page, go
from tests.processes.installation import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
NewPhone = Callable[..., Phone]


def test_opt_a_person_out_in_their_conversation_with_the_opt_out_message(
    owner_either_way: Page, new_phone: NewPhone
) -> None:
    page, phone = owner_either_way, new_phone().text("Do you have the new Ishiguro?")
    go(page, "Conversations")
    page.get_by_role("link", name=phone.national).click()
    check_page(page)
    page.get_by_role("link", name="Opt out", exact=True).click()
    check_page(page)
    expect(page.locator("main")).to_contain_text("They get one last text: “Riverside Books: You are unsubscribed")
    page.get_by_role("button", name="Opt 1 person out").click()
    expect(page.locator(".notice.done")).to_contain_text("is opted out. They are told by one text.")
    expect(page.locator(".notice.refused")).to_contain_text("This person opted out")
    assert page.get_by_label("Answer").count() == 0
    phone.waits_for("You are unsubscribed and will get no more messages")
    assert len([body for body in phone.received() if "unsubscribed" in body]) == 1


def test_manual_opt_outs_then_search_then_delete_an_erroneous_one(owner_either_way: Page, new_phone: NewPhone) -> None:
    page, one, other = owner_either_way, new_phone().text("Hello"), new_phone()
    go(page, "Opt-outs")
    page.get_by_label("Numbers", exact=True).fill(f"{one.number[2:]}, {other.number}, 555")
    page.get_by_label("Note").fill("Said so at the counter")
    page.get_by_role("button", name="Opt them out").click()
    expect(page.locator(".notice.done")).to_contain_text("2 newly opted out")
    expect(page.locator(".notice.refused")).to_contain_text("1 is no phone number and was not added. “555”:")

    # "Enter a fully formatted number and click Search. Review the opt out note as needed."
    page.get_by_text("Search and filter").click()
    page.get_by_label("Number, or how it begins").fill(one.national)
    page.get_by_role("button", name="Filter").click()
    row = page.get_by_role("row").filter(has_text=one.national)
    expect(row).to_contain_text("Said so at the counter")
    expect(row).to_contain_text("an admin")

    # "You can delete erroneous opt outs": with a reason, and the open conversation goes on.
    row.get_by_role("link").click()
    page.get_by_role("link", name="Opt in for texts and calls").click()
    check_page(page)
    page.get_by_label("Reason, for the journal").fill("It was the wrong number")
    page.get_by_label("This person agreed to hear from Riverside Books again").check()
    page.get_by_role("button", name="Opt 1 person in").click()
    expect(page.locator(".notice.done")).to_contain_text("may be reached again by texts and calls")
    page.goto(f"{HOME}/conversations/{one.number}")
    expect(page.get_by_label("Answer")).to_be_visible()


def test_the_settings_box_country_automated_opt_outs_and_message(owner: Page, new_phone: NewPhone) -> None:
    page = owner
    go(page, "Settings")
    expect(page.get_by_role("switch", name="Automated opt outs")).to_have_attribute("aria-checked", "true")
    expect(page.get_by_role("combobox", name="Default country")).to_have_value("US")
    go(page, "Replies")
    page.get_by_role("link", name="Change Opt out", exact=True).click()
    check_page(page)
    words = "Riverside Books: You are off our list. Reply START to come back."
    page.get_by_label("Text").fill(words)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".notice.done")).to_contain_text("Opt out in English is your own text now")
    # Another process of the web server may know the words of before for a moment.
    wait_for(lambda: new_phone().text("STOP").waits_for("Riverside Books:") == words)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".notice.done")).to_contain_text("Opt out in English is our text now")


def test_a_large_upload_shows_how_far_it_is_and_can_be_stopped_and_gone_on_with(owner: Page) -> None:
    page = owner
    rows = "".join(f"+1212{200 + number // 10_000}{number % 10_000:04d}\n" for number in range(60_000))
    upload(page, "opt-outs", "large.csv", f"phone\n{rows}")
    try_it(page)
    page.get_by_role("button", name="Opt 60,000 numbers out").click()
    progress = page.locator("#import-progress progress")
    expect(progress).to_be_visible()
    check_page(page)
    page.get_by_role("button", name="Stop", exact=True).click()
    # "It may take some time to complete": one can leave, and come back to it.
    go(page, "Imports")
    row = page.get_by_role("row").filter(has_text="large.csv").filter(has_not_text="dry run")
    row.get_by_role("link").click()
    until_heading(page, "The import was stopped")
    page.get_by_role("button", name="Go on").click()
    until_heading(page, "The import is done")
    expect(page.locator("#import-progress")).to_contain_text("60,000 rows were read, 60,000 changed something")


def test_bulk_upload_of_a_csv_with_the_header_phone_and_taking_it_back(
    owner_either_way: Page, new_phone: NewPhone
) -> None:
    page, phones = owner_either_way, [new_phone() for _ in range(3)]
    phones[2].text("STOP")
    upload(page, "opt-outs", "dnc.csv", "phone\n" + "".join(f"{phone.national}\n" for phone in phones) + "nobody\n")
    # "It is critical to validate your lists prior to upload": the dry run says what is in it, in the cells.
    expect(page.get_by_label("What phone is")).to_have_value("phone")
    try_it(page)
    expect(page.locator("#import-progress")).to_contain_text("Nothing has changed yet")
    expect(page.locator("#import-counts")).to_contain_text("2 numbers are new and would be opted out")
    expect(page.locator("#import-rows td.wrong", has_text="nobody")).to_contain_text("A phone number has no letters")
    apply_it(page, "Opt 2 numbers out")
    expect(page.locator("#import-progress")).to_contain_text("4 rows were read, 2 changed something")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the rows below as CSV").click()
    failed = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert "nobody" in failed
    assert phones[0].national not in failed
    # "Query for successful opt-out, if desired."
    page.goto(f"{HOME}/opt-outs?number={phones[0].number[1:]}")
    expect(page.get_by_role("row").filter(has_text=phones[0].national)).to_contain_text("an import")

    # The seed says that "bulk uploads cannot be undone"; ours can, and the person's own STOP stays.
    go(page, "Imports")
    page.get_by_role("row").filter(has_text="2").filter(has_text="dnc.csv").get_by_role("link").first.click()
    page.get_by_role("link", name="Undo this import").click()
    check_page(page)
    expect(page.locator("main")).to_contain_text("2 opt-outs of this import are lifted")
    expect(page.locator("main")).to_contain_text("Numbers that were opted out before it stay opted out")
    page.get_by_label("Reason, for the journal").fill("It was the wrong list")
    page.get_by_role("button", name="Lift 2 opt-outs").click()
    until_heading(page, "The import was undone")
    expect(page.locator("#import-progress")).to_contain_text("2 opt-outs are lifted")
    page.goto(f"{HOME}/numbers/{phones[0].number}")
    expect(page.locator("dl.standing")).not_to_contain_text("no")
    page.goto(f"{HOME}/numbers/{phones[2].number}")
    expect(page.locator("dl.standing")).not_to_contain_text("yes")
