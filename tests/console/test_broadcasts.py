"""Broadcasts in the console: written, looked at, sent, stopped, gone on with, and read; by whom, and what is refused."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from gateway.broadcast_sending import BROADCAST
from gateway.services import Services
from store.consent import Source
from store.directory import Account
from tests.audiences import with_audience
from tests.conftest import FakeClock
from tests.console.conftest import Visitor
from tests.fake_twilio import FakeTwilio
from tests.waiting_work import do_what_waits
from tests.webhooks import STATUS, post, status_form, text

ACME = "/accounts/acme"
BROADCASTS = f"{ACME}/broadcasts"
SENDER, AUDIENCE = "+12025550100", "news"
PEOPLE = [f"+1415555{number:04d}" for number in range(100, 110)]
BODY = "{brand}: book fair on Saturday. Reply STOP to opt out."
FORM = {"name": "Book fair", "audience": AUDIENCE, "sender": SENDER, "body": BODY}


@pytest.fixture
def account(services: Services) -> Account:
    """Acme with an audience of ten."""
    return with_audience(services, AUDIENCE, "Weekly news", SENDER, PEOPLE)


@pytest.fixture
def draft(owner: Visitor, account: Account) -> str:
    """The address of a draft by Olivia."""
    return write(owner)


def write(visitor: Visitor, **changes: str) -> str:
    answer = visitor.post(f"{BROADCASTS}/new", {**FORM, **changes}, status=302, follow=False)
    return str(answer.location)


def send(visitor: Visitor, address: str) -> str:
    """Send a draft by the form of the page that asks."""
    seen = re.search(r'name="as_of" value="(\d+)"', visitor.get(f"{address}/send").text)
    assert seen
    return visitor.post(f"{address}/send", {"confirmed": "yes", "as_of": seen.group(1)}).text


def words_of(page: str) -> str:
    """What a person reads."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def stop_texts(client: FlaskClient, people: list[str]) -> None:
    for number, person in enumerate(people):
        text(client, "STOP", From=person, MessageSid=f"SM{number:032x}")


def test_an_empty_list_says_what_a_broadcast_is_and_without_an_audience_what_to_do_first(owner: Visitor) -> None:
    assert "No broadcast was written yet" in owner.get(BROADCASTS).text
    assert "Make an audience first" in owner.get(f"{BROADCASTS}/new").text


def test_a_draft_says_who_gets_it_who_does_not_and_why_and_what_it_costs(
    services: Services, owner: Visitor, client: FlaskClient, account: Account
) -> None:
    stop_texts(client, PEOPLE[:2])
    services.consent.opt_out(account, PEOPLE[2], source=Source.ADMIN, actor="user olivia@acme.example")
    text(client, "maybe stop", From=PEOPLE[3], MessageSid="SM" + "e" * 32)
    address = write(owner, body=BODY + " " + "More to read. " * 10)
    page = words_of(owner.get(address).text)
    for said in (
        "6 get it, from +1 202-555-0100",
        "2 opted out by their own text",
        "1 opted out by an admin",
        "1 held until somebody has read their text in Review",
        "2 segments each (GSM-7, 191 characters): 12 segments to pay for",
        "Acme: book fair on Saturday.",
        "A draft by olivia@acme.example",
        "Send it to 6 people",
    ):
        assert said in page, said
    asked = words_of(owner.get(f"{address}/send").text)
    assert "Send this to 6 people now?" in asked
    assert "Text 6 people" in asked


def test_what_is_typed_is_shown_as_it_would_look_before_it_is_saved(owner: Visitor, account: Account) -> None:
    part = owner.post(f"{BROADCASTS}/check", {**FORM, "body": "Free tickets \N{PARTY POPPER}"}).text
    for said in (
        "1 segment each (UCS-2 because of \N{PARTY POPPER}",
        "10 segments to pay for",
        "put “Acme” in it",
        "how to opt out",
    ):
        assert said in words_of(part), said
    assert "Choose an audience" in owner.post(f"{BROADCASTS}/check", {"audience": "nobody's", "body": "x"}).text
    assert owner.get(BROADCASTS).text.count("Book fair") == 0


REFUSED = [
    ({"body": "Hello {first_name}"}, "Nothing takes the place of {first_name}"),
    ({"audience": "nobody's"}, "There is no audience"),
    ({"sender": "+12025550111"}, "is not a sender"),
    ({"body": "x" * 1601}, "1,600 characters at most"),
    ({"name": "x" * 101}, "100 characters at most"),
]


@pytest.mark.parametrize(("changes", "said"), REFUSED)
def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(
    owner: Visitor, draft: str, changes: dict[str, str], said: str
) -> None:
    for address in (f"{BROADCASTS}/new", f"{draft}/edit"):
        page = owner.post(address, {**FORM, **changes}, status=422).text
        assert said in page
        assert 'aria-invalid="true"' in page
        assert "Book fair" in page or "name" in changes
    assert BODY.replace("{brand}", "Acme") in owner.get(draft).text


NOT_YET = [
    ({"body": ""}, "The broadcast has no text yet."),
    ({"audience": "empty"}, "Nobody in the audience may be texted now."),
    ({"audience": "any", "sender": ""}, "Choose the sender that the texts come from."),
]


@pytest.mark.parametrize(("changes", "said"), NOT_YET)
def test_a_draft_that_cannot_be_sent_yet_says_why_and_has_no_button(
    services: Services, owner: Visitor, draft: str, account: Account, changes: dict[str, str], said: str
) -> None:
    services.audiences.create(account, "empty", name="Empty", sender=SENDER)
    services.audiences.create(account, "any", name="From any sender", sender="")
    owner.post(f"{draft}/edit", {**FORM, **changes})
    page = owner.get(draft).text
    assert said in page
    assert f"{draft}/send" not in page
    assert said in owner.get(f"{draft}/send").text
    assert said in owner.post(f"{draft}/send", {"confirmed": "yes"}).text


def test_a_broadcast_is_sent_and_its_page_and_the_list_say_what_came_of_it(
    services: Services, owner: Visitor, client: FlaskClient, clock: FakeClock, draft: str, fake_twilio: FakeTwilio
) -> None:
    sending = words_of(send(owner, draft))
    assert "being sent" in sending
    assert "You can leave this page; it goes on." in sending
    do_what_waits(services, clock)
    assert len(fake_twilio.sent) == 10
    for message, (status, code) in zip(
        fake_twilio.sent, [("delivered", "")] * 4 + [("undelivered", "30006")] * 2 + [("failed", "30007")], strict=False
    ):
        form = status_form(status, message["Sid"], address=message["To"], code=code)
        post(client, f"{STATUS}?{message['StatusCallback'].partition('?')[2]}", form)
    stop_texts(client, PEOPLE[8:])
    page = owner.get(draft)
    for said in (
        "10 people were texted",
        "4 delivered",
        "3 sent; the carrier has not said yet whether they arrived",
        "2 not delivered: this number cannot receive texts: it is a landline, unknown, or not a number",
        "1 not delivered: the carrier filtered the text",
        "20.0 % 2 opted out within a week of it; marked from 1 % on",
        "started by olivia@acme.example",
    ):
        assert said in words_of(page.text), said
    assert f"{ACME}/numbers/%2B14155550109" in page.text or f"{ACME}/numbers/+14155550109" in page.text
    listed = words_of(owner.get(BROADCASTS).text)
    assert "Book fair to Weekly news sent 10 of 10 20.0 % 2 olivia@acme.example" in listed
    left = words_of(owner.get(f"{draft}/opt-outs").text)
    assert "2 people of 10 who were texted (20.0 %)" in left
    assert "(415) 555-0108" in left


def test_the_live_part_answers_304_while_nothing_changed_and_ends_with_the_broadcast(
    services: Services, owner: Visitor, clock: FakeClock, draft: str, fake_twilio: FakeTwilio
) -> None:
    send(owner, draft)
    first = owner.get(f"{draft}/live")
    assert "X-Live" not in first.headers
    same = owner.client.get(f"{draft}/live", headers={"If-None-Match": first.headers["ETag"]})
    assert same.status_code == 304
    do_what_waits(services, clock)
    last = owner.client.get(f"{draft}/live", headers={"If-None-Match": first.headers["ETag"]})
    assert (last.status_code, last.headers["X-Live"]) == (200, "end")


def test_a_broadcast_is_stopped_and_gone_on_with_and_nobody_gets_it_twice(
    services: Services, owner: Visitor, clock: FakeClock, draft: str, fake_twilio: FakeTwilio
) -> None:
    send(owner, draft)
    do_what_waits(services, clock, rounds=1, only=BROADCAST)
    stopped = words_of(owner.post(f"{draft}/stop").text)
    assert "Stopped by olivia@acme.example. 0 of 10 are done" in stopped
    assert "10 wait until somebody goes on with it" in stopped
    do_what_waits(services, clock)
    assert fake_twilio.sent == []
    assert "It goes on where it was" in owner.post(f"{draft}/resume").text
    do_what_waits(services, clock)
    assert sorted(message["To"] for message in fake_twilio.sent) == PEOPLE
    assert "The broadcast is finished" in owner.post(f"{draft}/stop").text


def test_what_stopped_by_itself_is_an_urgent_need_and_goes_on_after_asking(
    services: Services, owner: Visitor, client: FlaskClient, clock: FakeClock, draft: str, fake_twilio: FakeTwilio
) -> None:
    """Setting opt_out_rate_alarm: five opt-outs of nine texts stop it."""
    send(owner, draft)
    do_what_waits(services, clock, rounds=1, only=BROADCAST)
    due = services.store.outbox.claim_due(services.clock.now(), lease=timedelta(0), limit=5000)
    for effect in [one for one in due if one.startswith("send:")][:9]:
        services.outbound.hand_over(effect.removeprefix("send:"))
    stop_texts(client, [message["To"] for message in fake_twilio.sent[:5]])
    services.broadcast_sending.go_on(draft.rpartition("/")[2])
    home = owner.get(f"{ACME}/").text
    assert "The broadcast Book fair stopped by itself: 5 of 9 people who were texted opted out (55.6 %)" in home
    assert '<li class="urgent">' in home
    page = words_of(owner.get(draft).text)
    assert "stopped by itself" in page
    asked = words_of(owner.post(f"{draft}/resume").text)
    assert "Go on with Book fair?" in asked
    assert "1 person has not got it yet." in asked
    assert "5 of 9 people who were texted opted out (55.6 %)." in asked
    owner.post(f"{draft}/resume", {"confirmed": "yes"})
    do_what_waits(services, clock)
    page = words_of(owner.get(draft).text)
    assert "after it had stopped by itself" in page
    fairs = [message["To"] for message in fake_twilio.sent if "fair" in message["Body"]]
    assert sorted(fairs) == PEOPLE


@pytest.mark.parametrize(("alarm", "needed"), [(1, True), (50, False)])
def test_home_shows_the_rates_of_the_last_broadcasts_and_marks_what_the_setting_says(
    services: Services,
    owner: Visitor,
    client: FlaskClient,
    clock: FakeClock,
    draft: str,
    fake_twilio: FakeTwilio,
    alarm: int,
    needed: bool,
) -> None:
    owner.post(f"{ACME}/settings/opt_out_rate_alarm", {"value": str(alarm)})
    send(owner, draft)
    do_what_waits(services, clock)
    stop_texts(client, PEOPLE[:1])
    home = owner.get(f"{ACME}/").text
    assert "Opt-out rate of the last broadcasts" in home
    assert "10.0 %" in home
    assert ("10.0 % opted out after the broadcast Book fair" in home) == needed
    clock.pass_time(timedelta(days=30))
    assert "opted out after the broadcast" not in owner.get(f"{ACME}/").text


def test_what_was_looked_at_is_what_is_sent(
    owner: Visitor, clock: FakeClock, draft: str, fake_twilio: FakeTwilio
) -> None:
    seen = re.search(r'name="as_of" value="(\d+)"', owner.get(f"{draft}/send").text)
    assert seen
    clock.pass_time(timedelta(seconds=1))
    owner.post(f"{draft}/edit", {**FORM, "body": "Something else. Reply STOP to opt out."})
    refused = owner.post(f"{draft}/send", {"confirmed": "yes", "as_of": seen.group(1)}).text
    assert "Somebody changed the broadcast meanwhile" in refused
    assert "Nobody has got it yet" in refused


def test_the_same_text_to_the_same_audience_again_is_warned_of(
    services: Services, owner: Visitor, clock: FakeClock, draft: str, fake_twilio: FakeTwilio
) -> None:
    send(owner, draft)
    do_what_waits(services, clock)
    form = owner.get(f"{BROADCASTS}/new?like={draft.rpartition('/')[2]}").text
    assert BODY in form
    again = write(owner)
    assert "The same text went to this audience on" in owner.get(f"{again}/send").text
    other = write(owner, body="Acme: fair over. Reply STOP to opt out.")
    assert "The same text" not in owner.get(f"{other}/send").text


def test_a_draft_is_thrown_away_after_asking_and_what_was_sent_is_not(
    owner: Visitor, draft: str, fake_twilio: FakeTwilio
) -> None:
    assert "Throw away the draft Book fair?" in owner.get(f"{draft}/remove").text
    assert "is gone" in owner.post(f"{draft}/remove", {"confirmed": "yes"}).text
    owner.get(draft, status=404)
    sent = write(owner)
    send(owner, sent)
    assert "only a draft" in owner.post(f"{sent}/remove", {"confirmed": "yes"}).text
    assert "It was sent already" in owner.get(f"{sent}/edit").text


def test_the_list_has_pages(owner: Visitor, services: Services, clock: FakeClock, account: Account) -> None:
    for number in range(27):
        clock.pass_time(timedelta(seconds=1))
        services.broadcasts.create(account, **{**FORM, "name": f"B{number:02d}"}, actor="a")
    first = owner.get(BROADCASTS).text
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    rest = owner.get(following.group(1).replace("&amp;", "&")).text
    assert re.findall(r">(B\d\d)<", first + rest) == [f"B{number:02d}" for number in range(26, -1, -1)]
    owner.get(f"{BROADCASTS}?cursor=nonsense")


def test_an_alphanumeric_sender_needs_a_link_as_nobody_can_text_it(owner: Visitor, account: Account) -> None:
    def findings(body: str) -> str:
        return owner.post(f"{BROADCASTS}/check", {**FORM, "sender": "ACME", "body": body}).text

    assert "nobody can reply to ACME" in findings(BODY)
    assert "how to opt out" not in findings("{brand}: fair.")
    assert "nobody can reply to ACME" not in findings("{brand}: fair. Out: {opt_out_link}")


WRITES = [("get", f"{BROADCASTS}/new"), ("post", f"{BROADCASTS}/new"), ("post", f"{BROADCASTS}/check")]
WRITES += [(method, "{}/" + what) for what in ("edit", "send", "remove", "resume") for method in ("get", "post")]
WRITES += [("post", "{}/stop")]
READS = [("get", BROADCASTS), ("get", "{}"), ("get", "{}/live"), ("get", "{}/opt-outs")]


def visit(visitor: Visitor, method: str, address: str, status: int) -> str:
    if method == "get":
        return visitor.get(address, status=status, follow=False).text
    return visitor.post(address, FORM, status=status, follow=False).text


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_colleague_who_answers_texts_sends_no_broadcast(
    colleague: Visitor, services: Services, draft: str, method: str, path: str
) -> None:
    refused = visit(colleague, method, path.format(draft), 403)
    assert "write and send broadcasts" in refused
    assert len(services.store.broadcasts.newest("acme", 10)) == 1
    assert services.store.broadcasts.newest("acme", 10)[0].status == "draft"


@pytest.mark.parametrize(("method", "path"), READS)
def test_a_colleague_reads_them_without_buttons(
    colleague: Visitor, services: Services, draft: str, method: str, path: str
) -> None:
    page = visit(colleague, method, path.format(draft), 200)
    for what in ("/edit", '/send"', "/remove", "/stop", "/resume", "broadcasts/new"):
        assert what not in page


@pytest.mark.parametrize(("method", "path"), [*READS, *WRITES])
def test_g8_a_stranger_finds_neither_the_account_nor_its_broadcasts(
    stranger: Visitor, draft: str, method: str, path: str
) -> None:
    visit(stranger, method, path.format(draft), 404)
    if "{}" in path:
        visit(stranger, method, path.format(draft).replace("acme", "globex"), 404)


@pytest.mark.parametrize(("method", "path"), [*READS, *WRITES])
def test_nobody_gets_in_without_signing_in(nobody: Visitor, draft: str, method: str, path: str) -> None:
    visit(nobody, method, path.format(draft), 302)
