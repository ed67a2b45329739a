"""The steps of an import in the console, as the journeys of several products take them."""

from playwright.sync_api import Page, expect

from tests.browser.pages import check_page, go
from tests.processes.installation import wait_for


def upload(page: Page, kind: str, name: str, content: str | bytes) -> None:
    """Choose what the list is of ("opt-outs", "contacts"), and upload a file. The page with its columns opens."""
    go(page, "Imports")
    page.get_by_role("link", name="Import a list").first.click()
    check_page(page)
    page.get_by_role("link", name=f"Import {kind}").click()
    check_page(page)
    raw = content.encode("utf-8") if isinstance(content, str) else content
    page.get_by_label("The list").set_input_files({"name": name, "mimeType": "text/csv", "buffer": raw})
    page.get_by_role("button", name="Upload and look at its columns").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What is in the columns?")
    check_page(page)


def try_it(page: Page) -> None:
    """Have the dry run made, and wait for its end."""
    page.get_by_role("button", name="Try it").click()
    until_heading(page, "What would come of it")


def apply_it(page: Page, button: str) -> None:
    """Apply the dry run, and wait for its end."""
    page.get_by_role("button", name=button).click()
    until_heading(page, "The import is done")


def until_heading(page: Page, title: str) -> None:
    """Wait for a page whose main heading is this; without JavaScript it has itself loaded again."""
    wait_for(lambda: page.get_by_role("heading", level=1, name=title).count())
    check_page(page)
