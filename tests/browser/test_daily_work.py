"""What the console is opened for every day besides: the first start, review, events, colleagues, the keyboard."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.company import LOCAL
from tests.browser.conftest import Visit
from tests.browser.example import COLLEAGUE, ONLOOKER, OWNER, STRANGER, Example, Phone
from tests.browser.pages import HOME, check_page, go, wait_until_gone
from tests.browser.past import number_of
from tests.browser.receiver import Receiver
from tests.browser.signing_in import PASSWORD, sign_in
from tests.processes.installation import Installation, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
NewPhone = Callable[..., Phone]

# Neither a keyword nor clearly a request to stop: a person has to read it.
UNSURE = "wrong number"


def test_after_the_first_start_ones_own_password_opens_the_home_page_and_the_printed_one_opens_nothing(
    visit: Visit, product: Installation, first_password: str, states: object
) -> None:
    page = visit(None)
    sign_in(page, product.url, "admin", first_password)
    expect(page.locator(".notice.refused")).to_be_visible()
    sign_in(page, product.url, OWNER, PASSWORD)
    expect(page.get_by_role("heading", name="Needs a person")).to_be_visible()
    check_page(page)


def test_the_review_queue_is_worked_through_with_keys(owner: Page, new_phone: NewPhone) -> None:
    page, phones = owner, [new_phone().text(UNSURE) for _ in range(3)]
    go(page, "Review")
    for key, said in (("o", "is opted out."), ("n", "may be texted as before."), ("w", "is a wrong number")):
        page.keyboard.press(key)
        expect(page.locator(".notice.done")).to_contain_text(said)
    expect(page.get_by_role("heading", name="Nothing to read")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".notice.done")).to_contain_text("Taken back")
    assert len(phones) == 3


def test_the_review_queue_is_worked_through_with_clicks(owner_either_way: Page, new_phone: NewPhone) -> None:
    page, phone = owner_either_way, new_phone().text(UNSURE)
    go(page, "Review")
    page.get_by_role("link", name=UNSURE).or_(page.get_by_role("heading", name=phone.national)).first.wait_for()
    page.goto(f"{HOME}/reviews")
    page.get_by_role("button", name="Not an opt-out").click()
    expect(page.locator(".notice.done")).to_contain_text("may be texted as before")


def test_a_broadcast_is_written_looked_at_sent_and_its_opt_outs_are_counted(
    owner_either_way: Page, new_phone: NewPhone
) -> None:
    page, phones = owner_either_way, [new_phone() for _ in range(3)]
    name = f"Stories for {phones[0].number[-4:]}"
    page.goto(f"{HOME}/audiences/story-time")
    page.get_by_role("textbox", name="Numbers").fill(", ".join(phone.number for phone in phones))
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("link", name="Write a broadcast").click()
    page.get_by_label("From", exact=True).select_option(LOCAL)
    page.get_by_role("textbox", name="Text", exact=True).fill("{brand}: story time at 4. Reply STOP to opt out.")
    page.get_by_label("What colleagues call it").fill(name)
    page.get_by_role("button", name="Save and look at it").click()
    check_page(page)
    page.get_by_role("link", name="Send it to").click()
    check_page(page)
    page.get_by_role("button", name="Text ").click()
    check_page(page)
    for phone in phones:
        assert phone.waits_for("story time") == "Riverside Books: story time at 4. Reply STOP to opt out."
    phones[0].text("STOP")
    wait_until_gone(page, "being sent")
    page.goto(f"{HOME}/broadcasts")
    row = page.get_by_role("row").filter(has_text=name)
    expect(row).to_contain_text("sent")
    row.get_by_role("link", name=name).click()
    expect(page.get_by_role("link", name=phones[0].national)).to_be_visible()
    check_page(page)


def test_a_program_is_told_of_an_opt_out_and_the_log_says_so(owner: Page, new_phone: NewPhone) -> None:
    page = owner
    with Receiver() as receiver:
        go(page, "Events")
        page.get_by_role("textbox", name="Address").fill(receiver.url)
        page.get_by_label("opted out", exact=False).first.check()
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator(".secret")).to_contain_text("whsec_")
        check_page(page)
        phone = new_phone().text("STOP")
        told = wait_for(lambda: [event for event in receiver.told if event["data"].get("number") == phone.number])
        assert told[0]["type"] == "opted_out"
        page.get_by_role("link", name=f"Log and changes of {receiver.url}").click()
        check_page(page)
        row = page.get_by_role("row").filter(has_text="opted out").first
        expect(row).to_contain_text("delivered")
        row.get_by_role("button", name="Send again").click()
        wait_for(lambda: len(receiver.told) > 1)
        page.get_by_role("link", name="Remove", exact=True).click()
        page.get_by_role("button", name="Remove 1 address").click()
        expect(page.locator(".notice.done")).to_contain_text("not sent to")


def test_an_owner_adds_a_colleague_who_sees_what_an_agent_may_do(visit: Visit, new_phone: NewPhone) -> None:
    page = visit(OWNER)
    go(page, "Users")
    page.get_by_label("Email").fill("nina@example.com")
    page.get_by_label("Role", exact=True).select_option("viewer")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".secret")).to_be_visible()
    check_page(page)

    phone = new_phone().text("Are you open on Sunday?")
    agent = visit(COLLEAGUE)
    agent.goto(HOME)
    entries = agent.get_by_role("navigation", name="Main", exact=True).get_by_role("link").all_text_contents()
    assert "Opt-outs" in entries
    assert not {"Users", "API keys", "System", "Events"} & set(entries)
    agent.goto(f"{HOME}/conversations/{phone.number}")
    agent.get_by_label("Answer").fill("Yes, from noon.")
    agent.get_by_role("button", name="Send").click()
    phone.waits_for("Yes, from noon.")
    agent.goto(f"{HOME}/numbers/{phone.number}")
    agent.get_by_role("button", name="Opt out", exact=True).click()
    expect(agent.locator(".notice.done")).to_contain_text("is opted out of texts and calls")
    # An agent opts out and does not lift.
    assert agent.get_by_role("link", name="Opt in for").count() == 0
    assert agent.request.get(f"{HOME}/users").status == 403


def test_a_viewer_looks_and_finds_no_button_that_changes_anything(visit: Visit, example: Example) -> None:
    page = visit(ONLOOKER)
    for path in ("/", "/opt-outs", f"/numbers/{number_of(25)}", f"/conversations/{number_of(22)}", "/contacts", "/keywords",
                 f"/imports/{example.traces.opt_outs}", f"/broadcasts/{example.traces.draft}", "/settings", "/reviews"):  # fmt: skip
        page.goto(f"{HOME}{path}")
        check_page(page)
        changing = page.locator("main form[method=post]:not([action*='/keywords/try']) button")
        assert changing.count() == 0, path
    assert page.request.get(f"{HOME}/imports/new").status == 403
    page.goto(f"{HOME}/users")
    expect(page.locator("main")).to_contain_text("Your role does not include this")


def test_a_stranger_finds_nothing_of_riverside(visit: Visit) -> None:
    page = visit(STRANGER)
    for path in ("", "/opt-outs", "/contacts", "/settings", "/imports"):
        assert page.request.get(f"{HOME}{path}").status == 404
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Harbor Cafe")
    assert "Riverside" not in page.content()


def test_the_keyboard_alone_opts_a_number_out_and_in_again(owner: Page, new_phone: NewPhone) -> None:
    page, phone = owner, new_phone()
    page.goto(f"{HOME}/numbers/{phone.number}")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    tab_to(page, "Note (optional)")
    page.keyboard.type("Asked for it on the phone")
    page.keyboard.press("Enter")
    expect(page.locator(".notice.done")).to_contain_text("is opted out of texts and calls")
    tab_to(page, "Opt in for texts and calls …")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("in again for texts and calls?")
    tab_to(page, "Reason, for the journal")
    page.keyboard.type("It was somebody else")
    tab_to(page, "This person agreed to hear from Riverside Books again")
    page.keyboard.press("Space")
    tab_to(page, "Opt 1 person in")
    page.keyboard.press("Enter")
    expect(page.locator(".notice.done")).to_contain_text("may be reached again")


def test_the_keyboard_alone_goes_through_the_menus(owner: Page) -> None:
    page = owner
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{HOME}/senders")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Menu"
    page.keyboard.press("Enter")
    tab_to(page, "Journal")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Journal")
    tab_to(page, "AYou: Ada")
    page.keyboard.press("Enter")
    tab_to(page, "You and your sign-ins")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("You and your sign-ins")


def test_a_number_is_found_from_every_page_in_any_form(owner_either_way: Page, new_phone: NewPhone) -> None:
    page, phone = owner_either_way, new_phone()
    go(page, "Replies")
    page.get_by_role("searchbox", name="Find a number").fill(f" {phone.national}")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(phone.national[6:])
    page.get_by_role("searchbox", name="Find a number").fill("Rosa")
    page.get_by_role("button", name="Find").click()
    expect(page.locator(".notice.refused")).to_contain_text("“Rosa” is no phone number.")


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has this label or text has the focus, which has to be seen."""
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "(() => { const at = document.activeElement;"
            " return ((at.labels && at.labels[0]) || at).textContent.trim().replace(/\\s+/g, ' '); })()"
        )
        if focused == name:
            outline = page.evaluate(
                "(() => { const at = getComputedStyle(document.activeElement);"
                " return at.outlineStyle !== 'none' || at.boxShadow !== 'none'; })()"
            )
            assert outline, f"nothing shows that {name} has the focus"
            return
    raise AssertionError(f"Tab does not reach {name}")
