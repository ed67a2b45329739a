"""The console in a real browser: the first sign-in, every page at two widths in light and dark, axe, no JavaScript."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, expect

from gateway.app import create_app
from gateway.console import access
from gateway.services import Services
from tests.browser.conftest import OWNER, PASSWORD, SCREENSHOTS, States
from tests.browser.pages import check_page, sign_in
from tests.processes.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

# Pages of one thing, which need one that is there.
_OF_ONE_THING = re.compile(r"<(?!account_id)")


@pytest.fixture
def signed_in(browser: Browser, states: States) -> Iterator[BrowserContext]:
    """Ada's browser."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, storage_state=states[OWNER])
    yield context
    context.close()


def pages(services: Services) -> list[str]:
    """The addresses of all pages that can be opened without naming a thing."""
    app = create_app(services)
    found = []
    for rule in app.url_map.iter_rules():
        reading = "GET" in (rule.methods or ()) and not _OF_ONE_THING.search(rule.rule)
        if reading and (rule.endpoint in access.PAGES or rule.endpoint in access.OWN_PAGES):
            found.append(rule.rule.replace("<account_id>", "demo"))
    return sorted(path for path in found if not re.search("export|errors|live|template|example", path))


def test_every_page_is_sound_light_and_dark_wide_and_narrow(
    signed_in: BrowserContext, first_start: Installation, services: Services
) -> None:
    page = signed_in.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    axe = Axe()
    for path in pages(services):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": 1280, "height": 900})
            answer = page.goto(first_start.url + path)
            assert answer is not None
            assert answer.status == 200, path
            if scheme == "light":
                check_page(page)
            found = [
                f"{path} {scheme}: {violation['id']} {[node['html'][:120] for node in violation['nodes'][:3]]}"
                for violation in axe.run(page).response["violations"]
                if violation["impact"] in {"serious", "critical"}
            ]
            problems += found
            for width in (1280, 390):
                page.set_viewport_size({"width": width, "height": 900})
                wide = page.evaluate("document.documentElement.scrollWidth")
                if wide > width:
                    problems.append(f"{path} is {wide} wide on {width}")
                name = re.sub(r"[^a-z]+", "-", path.removeprefix("/accounts/demo")).strip("-") or "home"
                page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{scheme}.png", full_page=True)
    page.close()
    assert problems == []


def test_a_keyword_is_switched_and_a_text_tried_without_leaving_the_page(
    signed_in: BrowserContext, first_start: Installation
) -> None:
    page = signed_in.new_page()
    page.goto(f"{first_start.url}/accounts/demo/keywords?language=en&action=help")
    switch = page.get_by_role("switch").last
    expect(switch).to_have_attribute("aria-checked", "true")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    page.reload()
    expect(page.get_by_role("switch").last).to_have_attribute("aria-checked", "false")
    page.get_by_role("switch").last.click()
    expect(page.get_by_role("switch").last).to_have_attribute("aria-checked", "true")
    page.get_by_label("Text", exact=True).press_sequentially("please take me off your list")
    expect(page.locator("#trial")).to_contain_text("The person gets no more texts")
    page.close()


def test_a_mandatory_word_shows_the_law_before_it_goes_off(
    signed_in: BrowserContext, first_start: Installation
) -> None:
    page = signed_in.new_page()
    page.goto(f"{first_start.url}/accounts/demo/keywords")
    page.get_by_role("switch", name="STOP", exact=True).click()
    expect(page.get_by_role("heading", name="Switch STOP off?")).to_be_visible()
    expect(page.locator("main")).to_contain_text("47 CFR 64.1200")
    check_page(page)
    page.get_by_role("link", name="Leave it as it is").click()
    expect(page.get_by_role("switch").first).to_have_attribute("aria-checked", "true")
    page.close()


def test_without_javascript_one_signs_in_changes_a_setting_and_takes_it_back(
    browser: Browser, signed_in: BrowserContext, first_start: Installation
) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    sign_in(page, first_start.url, OWNER, PASSWORD)
    page.locator("details.menu.narrow > summary").click()
    page.get_by_role("link", name="Settings").first.click()
    page.get_by_role("switch", name="Clarify opt outs").click()
    expect(page.locator(".notice.done")).to_contain_text("clarify_opt_outs is on now")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("switch", name="Clarify opt outs")).to_have_attribute("aria-checked", "false")
    page.locator("details.menu.right > summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator(".notice.done")).to_contain_text("signed out")
    context.close()


def test_a_number_is_copied_as_e164(signed_in: BrowserContext, first_start: Installation) -> None:
    page = signed_in.new_page()
    page.goto(f"{first_start.url}/accounts/demo/senders")
    number = page.locator("[data-copy]").first
    expected = number.get_attribute("data-copy")
    copied = page.evaluate(
        """() => new Promise(done => {
            const number = document.querySelector("[data-copy]");
            getSelection().selectAllChildren(number);
            document.addEventListener("copy", event => done(event.clipboardData.getData("text/plain")));
            document.execCommand("copy");
        })"""
    )
    assert copied == expected
    assert expected
    assert expected.startswith("+")
    page.close()
