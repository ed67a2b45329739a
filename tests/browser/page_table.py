"""Every page of the console and where to see it in the example; pages that are not here fail a test."""

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from flask import Flask
from playwright.sync_api import Page, expect

from gateway.console import access
from tests.browser.company import LOCAL
from tests.browser.example import COLLEAGUE, Example, Phone
from tests.browser.pages import HOME
from tests.browser.past import number_of

NO_PAGES = frozenset(
    {
        "account.export_journal", "account.export_incoming", "account.export_opt_outs", "account.import_errors",
        "account.import_example", "account.proof_file", "account.import_live", "account.conversation_live", "account.broadcast_live",
        "console.phone_screen", "console.static", "console.home",
    }
)  # fmt: skip
"""What is asked for by GET and is no page: files, parts of a page, and the start that leads to another page."""

# In an account, below its address.
_OF_THE_ACCOUNT = {
    "account.home": "/",
    "account.journal": "/journal",
    "account.keywords": "/keywords",
    "account.keyword": "/keywords/built-in/{rule}",
    "account.own_word": "/keywords/own/HOURS",
    "account.add_word": "/keywords/own/new",
    "account.senders": "/senders",
    "account.sender": f"/senders/{LOCAL}",
    "account.system": "/system",
    "account.settings": "/settings",
    "account.settings_history": "/settings/history",
    "account.replies": "/replies",
    "account.reply": "/replies/opt_out_message/en",
    "account.api_keys": "/api-keys",
    "account.revoke_api_key": "/api-keys/{traces.key}/revoke",
    "account.conversations": "/conversations",
    "account.conversation": "/conversations/{open}",
    "account.conversation_opt_out": "/conversations/{open}/opt-out",
    "account.incoming": "/incoming",
    "account.find_number": "/numbers",
    "account.number": "/numbers/{open}",
    "account.lift_number": "/numbers/{entered}/opt-in?channels=both",
    "account.erase_number": "/numbers/{open}/erase",
    "account.contacts": "/contacts",
    "account.contact": "/contacts/{traces.contact}",
    "account.remove_contact": "/contacts/{traces.contact}/remove",
    "account.audiences": "/audiences",
    "account.audience": "/audiences/story-time",
    "account.remove_audience": "/audiences/story-time/remove",
    "account.opt_outs": "/opt-outs",
    "account.events": "/events",
    "account.endpoint": "/events/{traces.endpoint}",
    "account.remove_endpoint": "/events/{traces.endpoint}/remove",
    "account.unrouted": "/unrouted",
    "account.reviews": "/reviews",
    "account.imports": "/imports",
    "account.one_import": "/imports/{traces.opt_outs}",
    "account.new_import": "/imports/new",
    "account.upload_import": "/imports/new/opt_outs",
    "account.map_import": "/imports/uploads/{traces.upload}",
    "account.undo_import": "/imports/{traces.opt_outs}/undo",
    "account.broadcasts": "/broadcasts",
    "account.broadcast": "/broadcasts/{traces.sent}",
    "account.broadcast_opt_outs": "/broadcasts/{traces.sent}/opt-outs",
    "account.new_broadcast": "/broadcasts/new",
    "account.edit_broadcast": "/broadcasts/{traces.draft}/edit",
    "account.send_broadcast": "/broadcasts/{traces.draft}/send",
    "account.remove_broadcast": "/broadcasts/{traces.draft}/remove",
    "account.resume_broadcast": "/broadcasts/{traces.sent}/resume",
    "account.users": "/users",
    "account.user": "/users/{colleague}",
    "account.reset_user_password": "/users/{colleague}/password",
    "account.remove_user": "/users/{colleague}/remove",
}
_ELSEWHERE = {
    "console.password": "/password",
    "console.sign_ins": "/sign-ins",
    "console.sign_in": "/login",
    "console.phone": "/phone",
    "public.opt_out": "{link}",
}
# The same pages with something else in them.
BESIDES = {
    "a number that said STOP": "/numbers/{stopped}",
    "a number opted out by hand": "/numbers/{entered}",
    "a conversation with who opted out": "/conversations/{stopped}",
    "a broadcast that is a draft": "/broadcasts/{traces.draft}",
    "an import of contacts": "/imports/{traces.contacts}",
    "an import that was undone": "/imports/{traces.undone}",
    "a dry run": "/imports/{traces.tried}",
    "contacts to upload": "/imports/new/contacts",
    "the audience of a keyword": "/audiences/book-club",
    "opt-outs filtered": "/opt-outs?source=import&sort=number",
    "opt-outs that no filter fits": "/opt-outs?number=1999",
    "contacts that no name fits": "/contacts?name=Nobody",
    "conversations without an answer": "/conversations?show=unanswered",
    "home of a month": "/?days=30",
    "a page that is not there": "/nothing-here",
}


def endpoints_of(app: Flask) -> set[str]:
    """The endpoints of all pages that people open."""
    known = {*access.PAGES, *access.OWN_PAGES, *access.OPEN_PAGES, "public.opt_out"} - NO_PAGES
    return {
        rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and rule.endpoint in known
    }


def shown_endpoints() -> set[str]:
    """The endpoints that this table shows."""
    return {*_OF_THE_ACCOUNT, *_ELSEWHERE}


def addresses(example: Example) -> Mapping[str, str]:
    """Name of each page -> its address in the example."""
    services_of = example.people
    known = {
        "traces": example.traces,
        "open": number_of(22),
        "stopped": number_of(2),
        "entered": number_of(25),
        "rule": "en.opt_out.stop",
        "colleague": services_of[COLLEAGUE],
        "link": urlsplit(example.traces.link).path,
    }
    named = {endpoint.partition(".")[2].replace("_", " "): HOME + path for endpoint, path in _OF_THE_ACCOUNT.items()}
    named |= {endpoint.replace(".", " ").replace("_", " "): path for endpoint, path in _ELSEWHERE.items()}
    named |= {name: HOME + path for name, path in BESIDES.items()}
    return {name: path.format_map(known) for name, path in named.items()}


def _refused_sign_in(page: Page, example: Example) -> None:
    page.goto("/login")
    page.get_by_label("Email").fill("nobody@example.com")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".notice.refused")).to_be_visible()


def _a_text_tried(page: Page, example: Example) -> None:
    page.goto(f"{HOME}/keywords")
    page.get_by_label("Text", exact=True).press_sequentially("please stop texting me")
    expect(page.locator("#trial")).to_contain_text("The person gets no more texts")


def _a_mandatory_word_to_go_off(page: Page, example: Example) -> None:
    page.goto(f"{HOME}/keywords")
    page.get_by_role("switch", name="STOP", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Switch STOP off?")


def _a_review_with_texts(page: Page, example: Example) -> None:
    for last in (0, 1):
        Phone(example.installation, number_of(32 + last)).text("wrong number")
    page.goto(f"{HOME}/reviews")
    expect(page.get_by_role("button", name="Not an opt-out")).to_be_visible()


def _columns_refused(page: Page, example: Example) -> None:
    page.goto(addresses(example)["map import"])
    for select in page.locator("table.mapping select").all():
        select.select_option("ignore")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator(".notice.refused").first).to_be_visible()


def _numbers_refused(page: Page, example: Example) -> None:
    page.goto(f"{HOME}/opt-outs")
    page.get_by_label("Numbers", exact=True).fill("555, call me")
    page.get_by_role("button", name="Opt them out").click()
    expect(page.locator(".notice.refused")).to_be_visible()


def _opt_outs_chosen(page: Page, example: Example) -> None:
    page.goto(f"{HOME}/opt-outs?source=import")
    page.get_by_text("Search and filter").click()
    page.locator("main table input[type=checkbox]").first.check()


def _a_key_made(page: Page, example: Example) -> None:
    page.goto(f"{HOME}/api-keys")
    page.get_by_label("Name").fill("Newsletter")
    page.get_by_role("button", name="Make it").click()
    expect(page.locator(".secret")).to_be_visible()


def _the_menus_open(page: Page, example: Example) -> None:
    page.goto(f"{HOME}/senders")
    page.locator("details.menu.right > summary").click()


STATES: Mapping[str, Callable[[Page, Example], None]] = {
    "sign in refused": _refused_sign_in,
    "a text tried": _a_text_tried,
    "a mandatory word": _a_mandatory_word_to_go_off,
    "reviews with texts": _a_review_with_texts,
    "columns refused": _columns_refused,
    "numbers refused": _numbers_refused,
    "opt-outs chosen": _opt_outs_chosen,
    "a key made": _a_key_made,
    "the menu of a person": _the_menus_open,
}
"""Pages that come of doing something: name -> how to get there."""
