"""Every page of the console, wide and narrow, light and dark: sound, accessible, nothing cut off, and a picture of it."""

import re
from collections.abc import Iterator, Sequence

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from gateway.app import create_app
from gateway.services import Services
from tests.browser.conftest import SCREENSHOTS, Visit
from tests.browser.example import OWNER, Example
from tests.browser.page_table import BESIDES, STATES, addresses, endpoints_of, shown_endpoints
from tests.browser.pages import check_page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

# WCAG 2.2 AA; how large a target has to be is a rule that axe leaves out unless it is asked for.
_WCAG: dict[str, object] = {
    "resultTypes": ["violations"],
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "rules": {"target-size": {"enabled": True}},
}
_FOR_NOBODY = {"console sign in", "public opt out"}
_WIDE, _NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
_FOUR = (("light", _WIDE), ("light", _NARROW), ("dark", _NARROW), ("dark", _WIDE))
# Of what differs from a page that is pictured four times: enough to see it.
_TWO = (("light", _WIDE), ("dark", _NARROW))


def test_every_page_of_the_console_is_in_the_table_of_pages_to_look_at(services: Services) -> None:
    assert endpoints_of(create_app(services)) == shown_endpoints()


def test_every_page_is_sound_in_light_and_dark_wide_and_narrow(visit: Visit, example: Example) -> None:
    owner, nobody = visit(OWNER), visit(None)
    problems: list[str] = []
    for name, path in addresses(example).items():
        page = nobody if name in _FOR_NOBODY else owner
        answer = page.goto(path)
        assert answer is not None
        if answer.status != (404 if name == "a page that is not there" else 200):
            problems.append(f"{name}: {path} answers {answer.status}")
        problems += problems_of(page, name, _TWO if name in BESIDES else _FOUR)
    assert not problems, "\n".join(problems)


def test_pages_that_come_of_doing_something_are_sound_as_well(visit: Visit, example: Example) -> None:
    problems: list[str] = []
    for name, do in STATES.items():
        page = visit(None if name == "sign in refused" else OWNER)
        do(page, example)
        problems += problems_of(page, name, _TWO)
        page.close()
    assert not problems, "\n".join(problems)


def problems_of(page: Page, name: str, shots: Sequence[tuple[str, dict[str, int]]]) -> Iterator[str]:
    """What is wrong with a page; it is pictured besides, at each width in each scheme of shots."""
    check_page(page, signed=name == "public opt out")
    yield from violations(page, name, _WCAG)
    for scheme, size in shots:
        if (scheme, size) == ("dark", _NARROW) and name not in BESIDES:
            # Colours are all that can differ from the light page.
            page.emulate_media(color_scheme="dark", reduced_motion="reduce")
            yield from violations(
                page, f"{name} in the dark", {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
            )
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
        page.set_viewport_size({"width": size["width"], "height": size["height"]})
        needed = page.evaluate("document.documentElement.scrollWidth")
        if needed > size["width"]:
            yield f"{name} is {needed} wide on {size['width']}"
        picture = f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}-{size['width']}-{scheme}.jpeg"
        page.screenshot(path=SCREENSHOTS / picture, full_page=True, type="jpeg", quality=85)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")


def violations(page: Page, name: str, options: dict[str, object]) -> list[str]:
    """What axe finds and calls serious or critical."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate("options => axe.run(document, options).then(found => found.violations)", options)
    return [
        f"{name}: {each['id']} {[node['html'][:120] for node in each['nodes'][:3]]}"
        for each in found
        if each["impact"] in {"serious", "critical"}
    ]
