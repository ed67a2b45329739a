"""Takes the pictures of docs/console.md, and docs/phone.png, of a running Stopgate with an example in it: `make guide`.

The text of the guide is docs/console.md itself; every picture that it shows is in PICTURES, and the other way round.
"""

import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import open_chromium
from tests.browser.example import OWNER, Example, Phone, add_people, printed_password, running_example
from tests.browser.pages import HOME
from tests.browser.past import number_of
from tests.browser.receiver import Receiver
from tests.browser.signing_in import first_sign_in

DOCS = Path(__file__).parent
GUIDE = DOCS / "console.md"
_WIDTH, _HEIGHT = 1280, 800
_QUALITY = 78


def _open(path: str) -> Callable[[Page, Example], None]:
    def go(page: Page, example: Example) -> None:
        page.goto(
            HOME
            + path.format(traces=example.traces, stopped=number_of(13), by_hand=number_of(25), answered=number_of(7))
        )

    return go


def _review(page: Page, example: Example) -> None:
    for person, words in ((21, "wrong number"), (11, "too many texts")):
        Phone(example.installation, number_of(person)).text(words)
    page.goto(f"{HOME}/reviews")


def _try_a_text(page: Page, _: Example) -> None:
    page.goto(f"{HOME}/keywords")
    page.get_by_label("Text", exact=True).press_sequentially("could you take me off your list please")
    expect(page.locator("#trial")).to_contain_text("The person gets no more texts")


PICTURES: Mapping[str, Callable[[Page, Example], None]] = {
    "home": _open("/"),
    "number": _open("/numbers/{stopped}"),
    "opt-outs": _open("/opt-outs?type=person"),
    "opt-in": _open("/numbers/{by_hand}/opt-in?channels=both"),
    "review": _review,
    "conversation": _open("/conversations/{answered}"),
    "import-columns": _open("/imports/uploads/{traces.upload}"),
    "import-dry-run": _open("/imports/{traces.tried}"),
    "import-undo": _open("/imports/{traces.opt_outs}/undo"),
    "contact": _open("/contacts/{traces.contact}"),
    "broadcast": _open("/broadcasts/{traces.draft}/send"),
    "keywords": _try_a_text,
    "replies": _open("/replies"),
    "settings": _open("/settings"),
    "users": _open("/users"),
}
"""Name of a picture -> how to get to the page."""


def shown_pictures() -> list[str]:
    """The names of the pictures that the guide shows."""
    return re.findall(r"\]\(console/([a-z-]+)\.webp\)", GUIDE.read_text(encoding="utf-8"))


def _keep(page: Page, name: str) -> None:
    height = min(_HEIGHT, max(360, page.evaluate("document.querySelector('main').getBoundingClientRect().bottom")))
    taken = page.screenshot(clip={"x": 0, "y": 0, "width": _WIDTH, "height": height})
    Image.open(BytesIO(taken)).convert("RGB").save(DOCS / "console" / f"{name}.webp", quality=_QUALITY, method=6)
    print(f"docs/console/{name}.webp")


def _picture_the_phone(browser: Browser, url: str) -> None:
    page = browser.new_page(viewport={"width": _WIDTH, "height": 900}, base_url=url)
    page.goto("/phone")
    page.get_by_role("button", name="STOP", exact=True).click()
    expect(page.locator(".bubble.theirs .under")).to_contain_text("delivered")
    page.get_by_role("button", name="Send to this phone").click()
    expect(page.locator(".notice.refused")).to_be_visible()
    page.screenshot(path=DOCS / "phone.png")
    print("docs/phone.png")


def make() -> None:
    """Take all of them."""
    with (
        tempfile.TemporaryDirectory() as folder, Receiver() as told, open_chromium() as browser,
        running_example(Path(folder), told.url) as example,
    ):  # fmt: skip
        url = example.installation.url
        password = printed_password(example.installation)
        state = first_sign_in(browser, url, "admin", password, introduce=("Ada", OWNER))
        add_people(example)
        context = browser.new_context(
            viewport={"width": _WIDTH, "height": _HEIGHT}, base_url=url, storage_state=state, reduced_motion="reduce"
        )
        page = context.new_page()
        for name, go in PICTURES.items():
            go(page, example)
            _keep(page, name)
        _picture_the_phone(browser, url)


if __name__ == "__main__":
    make()
