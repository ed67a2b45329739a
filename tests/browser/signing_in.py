"""Signing in, the first time and later."""

from typing import Any

from playwright.sync_api import Browser, Page, expect

PASSWORD = "a sentence of my own"


def sign_in(page: Page, url: str, email: str, password: str) -> None:
    """Sign in at the page for it."""
    page.goto(f"{url}/login")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def first_sign_in(
    browser: Browser, url: str, email: str, password: str, introduce: tuple[str, str] | None = None
) -> Any:
    """Sign in with a password for once and choose PASSWORD; returns the cookies.

    Args:
        browser, url: with what, and where the product is.
        email, password: who, and what was printed.
        introduce: name and email, of the first person of an installation.
    """
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, url, email, password)
    expect(page.get_by_role("heading", level=1)).to_have_text("Choose a password")
    if introduce is not None:
        page.get_by_label("Your name").fill(introduce[0])
        page.get_by_label("Your email").fill(introduce[1])
    page.get_by_label("One-time password").fill(password)
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password again").fill(PASSWORD)
    page.get_by_role("button", name="Choose it").click()
    expect(page.locator(".notice.done")).to_contain_text("Your password is changed")
    state = context.storage_state()
    context.close()
    return state
