"""Broadcasts that are refused, when they are written and when they are started, and what stays of them."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.errors import NotAllowed
from gateway.services import Services
from store.directory import Account
from tests.audiences import with_audience
from tests.conftest import FakeClock

SENDER, AUDIENCE = "+12025550100", "news"
PEOPLE = [f"+1415555{number:04d}" for number in range(100, 103)]
BODY = "{brand}: book fair on Saturday. Reply STOP to opt out."


@pytest.fixture
def account(services: Services) -> Account:
    return with_audience(services, AUDIENCE, "News", SENDER, PEOPLE)


@pytest.fixture
def draft(services: Services, account: Account) -> str:
    return services.broadcasts.create(
        account, name="Fair", audience=AUDIENCE, sender="", body=BODY, actor="ada"
    ).record.id


DRAFT = {"name": "", "audience": AUDIENCE, "sender": SENDER, "body": BODY}
REFUSED = [
    ({"audience": "nobody's"}, "unknown_audience"),
    ({"sender": "+12025550111"}, "unknown_sender"),
    ({"body": "Hello {first_name}"}, "unknown_variable"),
]


@pytest.mark.parametrize(("changes", "code"), REFUSED, ids=[code for _, code in REFUSED])
def test_what_cannot_be_sent_is_refused_when_it_is_written(
    services: Services, account: Account, draft: str, changes: dict[str, str], code: str
) -> None:
    with pytest.raises(NotAllowed) as written:
        services.broadcasts.create(account, actor="a", **{**DRAFT, **changes})
    with pytest.raises(NotAllowed) as changed:
        services.broadcasts.change(account, draft, changes)
    assert (written.value.code, changed.value.code) == (code, code)


def empty_audience(services: Services, account: Account) -> None:
    for person in PEOPLE:
        services.audiences.leave(account, AUDIENCE, person)


def no_sender(services: Services, account: Account) -> None:
    services.audiences.change(account, AUDIENCE, name=None, sender="")


def removed_audience(services: Services, account: Account) -> None:
    services.audiences.remove(account, AUDIENCE)


NOT_STARTED: list[tuple[Any, dict[str, str], str]] = [
    (empty_audience, {}, "nobody_to_text"),
    (no_sender, {}, "sender_needed"),
    (removed_audience, {}, "unknown_audience"),
    (None, {"body": " "}, "empty_text"),
]


@pytest.mark.parametrize(("before", "changes", "code"), NOT_STARTED, ids=[code for _, _, code in NOT_STARTED])
def test_what_cannot_be_sent_is_not_started_and_stays_a_draft(
    services: Services, account: Account, draft: str, before: Any, changes: dict[str, str], code: str
) -> None:
    services.broadcasts.change(account, draft, changes)
    if before:
        before(services, account)
    with pytest.raises(NotAllowed) as refused:
        services.broadcasts.start(account, draft, actor="a")
    assert refused.value.code == code
    assert services.broadcasts.get(account, draft).record.status == "draft"


def test_what_was_confirmed_is_what_is_sent(services: Services, clock: FakeClock, account: Account, draft: str) -> None:
    seen = services.broadcasts.get(account, draft).record.updated_at
    clock.pass_time(timedelta(seconds=1))
    services.broadcasts.change(account, draft, {"body": "Something else. Reply STOP to opt out."})
    with pytest.raises(NotAllowed) as refused:
        services.broadcasts.start(account, draft, actor="a", as_of=seen)
    assert refused.value.code == "changed_meanwhile"
