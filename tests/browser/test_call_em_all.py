"""Call-Em-All, "Opt Out Report", done in our console."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.example import Phone
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
