"""What browser tests do on every page: open one and check it."""

import html5lib
from playwright.sync_api import Page, expect

from tests.browser.example import Phone
from tests.processes.installation import wait_for

HOME = "/accounts/demo"
"""Where the pages of Riverside Books begin."""


def go(page: Page, entry: str) -> None:
    """Choose an entry of the navigation, and check the page that opens."""
    if page.url == "about:blank":
        page.goto(HOME)
    page.get_by_role("navigation", name="Main", exact=True).get_by_role("link", name=entry, exact=True).click()
    check_page(page)


def check_page(page: Page, *, signed: bool = False) -> None:
    """Valid HTML, a title, one main heading, labels on fields, no id twice, CSRF in every form, nothing inline.

    signed: the address of the page is the proof that whoever sends its form may do so, so that it needs no token.
    """
    page.wait_for_load_state("domcontentloaded")
    content = page.content()
    parser = html5lib.HTMLParser(strict=False)
    parser.parse(content)
    assert parser.errors == [], parser.errors[:3]
    assert page.title()
    assert page.locator("h1").count() == 1
    ids = page.eval_on_selector_all("[id]", "elements => elements.map(element => element.id)")
    assert len(ids) == len(set(ids))
    unlabelled = page.eval_on_selector_all(
        "input:not([type=hidden]), textarea, select",
        "fields => fields.filter(field => !field.labels.length && !field.ariaLabel).map(field => field.outerHTML)",
    )
    assert unlabelled == []
    without_token = page.eval_on_selector_all(
        "form[method=post]", "forms => forms.filter(form => !form.elements.csrf_token?.value).length"
    )
    assert signed or without_token == 0
    inline = page.locator("script:not([src]), style, [style], [onclick], [onload]").count()
    assert inline == 0


def add_contact(page: Page, first: str, last: str, phone: Phone) -> None:
    """Add a contact by hand."""
    go(page, "Contacts")
    page.get_by_label("First name").fill(first)
    page.get_by_label("Last name").fill(last)
    page.get_by_label("Phones").fill(phone.national)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".notice.done")).to_have_text("Added.")


def wait_until_gone(page: Page, words: str) -> None:
    """Reload until the page does not show the words any more."""

    def is_gone() -> bool:
        page.reload()
        return words not in page.content()

    wait_for(is_gone)
