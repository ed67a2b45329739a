"""Lists of an account's texts and conversations, the figures of its days, and an opt-out with its confirmation."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from store import Store, keys, open_store
from store.addresses import shard_of
from store.batches import Batch
from store.confirming import Confirmed, ConfirmedOptOut
from store.consent import Change, Source
from store.inbound import LoopGuard, Receipt
from store.messages import Message, Result, message_id
from store.scopes import ALL_CHANNELS, Channel, Scope
from store.texts import TextFilter
from store.upgrades import CURRENT
from tests.store.samples import ACME, at, import_rows, lift, person

SENDER = "+12025550100"
LEASE = timedelta(seconds=90)


def message(number: str, seconds: int, direction: str = "in", *, account: str = "acme", **more: Any) -> Message:
    """A text with a person, `seconds` into the story of a test."""
    return Message(
        id=message_id(number, number, direction, str(seconds), account),
        account=account,
        direction=direction,
        sender=SENDER,
        address=number,
        body=more.pop("body", f"text {seconds}"),
        kind=more.pop("kind", "inbound" if direction == "in" else "transactional"),
        status="received" if direction == "in" else "queued",
        created_at=at(seconds),
        carrier="simulator",
        **more,
    )


def receive(
    store: Store,
    number: str,
    seconds: int,
    *,
    action: str = "none",
    account: str = "acme",
    changes: Any = (),
    replies: Any = (),
) -> Message:
    text = message(number, seconds, account=account, extra={"action": action})
    store.inbound.receive(
        Receipt(
            inbound=text, carrier="simulator", carrier_id=text.id, action=action, changes=changes, occurred_at=at(seconds),
            now=at(seconds), detail={}, replies=replies, no_reply="", loop_guard=LoopGuard(5, timedelta(minutes=10)),
        )
    )  # fmt: skip
    return text


def send(store: Store, number: str, seconds: int, **more: Any) -> Message:
    text = message(number, seconds, "out", **more)
    assert store.messages.create(text, due_at=at(seconds))[0] == "created"
    return text


STOP = (Change("opt_out", ACME, "acme", Source.KEYWORD),)


def walk(ask: Callable[[str], Any]) -> list[Any]:
    found: list[Any] = []
    after = ""
    while True:
        page = ask(after)
        found += page.items
        after = page.next
        if not after:
            return found


def bodies(store: Store, limit: int = 7, account: str = "acme", **wanted: Any) -> list[str]:
    return [
        text.body
        for text in walk(lambda after: store.texts.newest(account, TextFilter(**wanted), limit=limit, after=after))
    ]


def test_texts_of_all_people_come_newest_first_from_page_to_page(own_store: Store) -> None:
    for seconds in range(60):
        receive(own_store, person(seconds % 13), seconds)
    assert bodies(own_store) == bodies(own_store, 200) == [f"text {seconds}" for seconds in range(59, -1, -1)]


def test_one_person_with_most_of_the_texts_and_texts_of_one_moment_are_all_listed_once(own_store: Store) -> None:
    for seconds in range(60):
        receive(own_store, person(1), seconds)
    for index in range(40):
        receive(own_store, f"+1415555{index:02d}77", 100)  # one shard, one moment
    found = bodies(own_store, 6)
    assert found == ["text 100"] * 40 + [f"text {seconds}" for seconds in range(59, -1, -1)]


def test_pages_do_not_move_while_others_come_in(own_store: Store) -> None:
    for seconds in range(20):
        receive(own_store, person(seconds), seconds)
    first = own_store.texts.newest("acme", TextFilter(), limit=5)
    receive(own_store, person(3), 50)
    send(own_store, person(4), 51)
    second = own_store.texts.newest("acme", TextFilter(), limit=5, after=first.next)
    assert [text.body for text in (*first.items, *second.items)] == [f"text {seconds}" for seconds in range(19, 9, -1)]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"directions": ("in",)}, [9, 8, 7, 6, 5]),
        ({"directions": ("out",)}, [4, 3, 2, 1, 0]),
        ({"since": at(3), "until": at(6)}, [6, 5, 4, 3]),
        ({"until": at(1)}, [1, 0]),
        ({"number": person(7)}, [7]),
        ({"number": person(2), "directions": ("in",)}, []),
        ({"number": person(2), "since": at(3)}, []),
        ({"wanted": lambda text: text.body in {"text 8", "text 1"}}, [8, 1]),
    ],
)
def test_texts_are_filtered(own_store: Store, wanted: dict[str, Any], expected: list[int]) -> None:
    for seconds in range(10):
        (receive if seconds > 4 else send)(own_store, person(seconds), seconds)
    assert bodies(own_store, 2, **wanted) == [f"text {seconds}" for seconds in expected]


def test_the_texts_with_one_number_are_walked_from_its_thread(own_store: Store) -> None:
    for seconds in range(30):
        (receive if seconds % 2 else send)(own_store, person(seconds % 3), seconds)
    assert bodies(own_store, 4, number=person(1)) == [f"text {seconds}" for seconds in range(28, 0, -3)]


def test_g8_a_stranger_and_a_shared_sender_have_lists_of_their_own(own_store: Store) -> None:
    receive(own_store, person(1), 1)
    receive(own_store, person(1), 2, account="@72975")
    assert bodies(own_store) == ["text 1"]
    assert bodies(own_store, account="globex") == []
    assert bodies(own_store, account="@72975") == ["text 2"]
    assert own_store.texts.conversation("globex", person(1)) is None


@pytest.mark.parametrize("cursor", ["nonsense", "5", "x-y", "t5", "t5-x", "-", "²-m"])
def test_what_is_no_cursor_is_refused(own_store: Store, cursor: str) -> None:
    with pytest.raises(ValueError, match="no cursor"):
        own_store.texts.newest("acme", TextFilter(), limit=5, after=cursor)
    if not cursor.startswith("t"):
        with pytest.raises(ValueError, match="no cursor"):
            own_store.texts.conversations("acme", limit=5, after=cursor)


def conversations(store: Store, *, unanswered: bool = False) -> list[tuple[str, str]]:
    found = walk(lambda after: store.texts.conversations("acme", limit=3, after=after, unanswered=unanswered))
    return [(conversation.address, conversation.last.body) for conversation in found]


def test_conversations_stand_by_their_last_text(own_store: Store) -> None:
    for seconds in range(8):
        receive(own_store, person(seconds), seconds)
    send(own_store, person(2), 20)
    assert conversations(own_store) == [
        (person(2), "text 20"),
        *((person(i), f"text {i}") for i in (7, 6, 5, 4, 3, 1, 0)),
    ]


@pytest.mark.parametrize(
    ("after", "waits"),
    [
        (lambda store: None, True),
        (lambda store: send(store, person(1), 5), False),
        (lambda store: send(store, person(1), 5, kind="broadcast", audience="news"), True),
        (lambda store: receive(store, person(1), 5, action="help"), True),
        (lambda store: receive(store, person(1), 5, action="held"), True),
        (lambda store: receive(store, person(1), 5, action="opt_out", changes=STOP), False),
        (lambda store: opt_out(store, person(1)), False),
        (lambda store: opt_out(store, person(1), channels=(Channel.VOICE,)), True),
    ],
)
def test_a_persons_own_words_wait_until_somebody_answers_them(own_store: Store, after: Any, waits: bool) -> None:
    receive(own_store, person(1), 1)
    after(own_store)
    assert bool(conversations(own_store, unanswered=True)) is waits
    conversation = own_store.texts.conversation("acme", person(1))
    assert conversation is not None
    assert (conversation.waits_since is not None) is waits


def test_a_keyword_alone_waits_for_nobody(own_store: Store) -> None:
    receive(own_store, person(1), 1, action="help")
    receive(own_store, person(2), 1, action="opt_out", changes=STOP)
    assert conversations(own_store, unanswered=True) == []


def days(store: Store, first: int = 0, last: int = 0, account: str = "acme") -> list[Any]:
    start = at(0).date()
    return store.days.between(account, start + timedelta(days=first), start + timedelta(days=last))


def test_texts_out_count_once_on_their_day_under_what_they_are_now(own_store: Store) -> None:
    texts = [send(own_store, person(index), index) for index in range(5)]
    for text in texts[:4]:
        own_store.messages.hand_over(text, now=at(10), lease=LEASE)
        own_store.messages.answered(text, Result("sent", carrier_id=text.id), now=at(10))
    later = at(3 * 24 * 3600)
    own_store.messages.reported(texts[0], Result("undelivered", carrier_id=texts[0].id), now=later, once="a")
    own_store.messages.reported(texts[0], Result("delivered", carrier_id=texts[0].id), now=later, once="b")
    own_store.messages.reported(texts[0], Result("sent", carrier_id=texts[0].id), now=later, once="c")
    own_store.messages.reported(texts[1], Result("failed", carrier_id=texts[1].id), now=later, once="a")
    own_store.messages.released(texts[2], Result("queued"), now=later, due_at=later)
    receive(own_store, person(4), 20, action="opt_out", changes=STOP)
    own_store.messages.hand_over(texts[4], now=at(30), lease=LEASE)
    (day,) = days(own_store)
    assert day.texts_out == {"delivered": 1, "failed": 1, "sent": 2, "suppressed": 1}
    assert days(own_store, 1, 3) == [type(day)(day.day + timedelta(days=ahead)) for ahead in (1, 2, 3)]


def test_texts_in_held_and_opt_outs_count_by_source_one_for_each_event(own_store: Store) -> None:
    both = (*STOP, Change("opt_out", Scope.of_account_sender("acme", SENDER), "acme", Source.CARRIER))
    receive(own_store, person(1), 1, action="opt_out", changes=both)
    receive(own_store, person(1), 2, action="opt_out", changes=both)  # said again: nothing new
    lift(own_store, person(1), Source.KEYWORD, 3)
    receive(own_store, person(1), 4, action="opt_out", changes=both)
    entered = Change("opt_out", ACME.entered_side, "acme", Source.ADMIN)
    long_ago = at(-90 * 24 * 3600)
    own_store.consent.apply(person(2), [entered], occurred_at=long_ago, detail={}, now=at(5))
    batch = Batch("b", ACME.entered_side, at=at(6))
    assert (
        import_rows(own_store, batch, [(person(3), 5), (person(4), 5), (person(4), 5), (person(2), 5)]).count(
            "opted_out"
        )
        == 2
    )
    (day,) = days(own_store)
    assert (day.texts_in, day.opt_outs) == (3, {"keyword": 2, "admin": 1, "import": 2})


def test_an_opt_out_counts_for_the_audience_that_was_texted_last(own_store: Store) -> None:
    for index, audiences in enumerate([("news",), ("news", "offers: weekly"), ()]):
        for position, audience in enumerate(audiences):
            send(own_store, person(index), 10 * index + position, audience=audience)
        receive(own_store, person(index), 100 + index, action="opt_out", changes=STOP)
    (day,) = days(own_store)
    assert (day.sent, day.left) == ({"news": 2, "offers: weekly": 1}, {"news": 1, "offers: weekly": 1})


def opt_out(
    store: Store, number: str, seconds: int = 50, channels: Any = ALL_CHANNELS, *, reply: bool = True
) -> Confirmed:
    confirmation = message(number, seconds, "out", kind="confirmation", permit=True)
    return store.confirming.opt_out(
        ConfirmedOptOut(
            "acme", number, SENDER, [Change("opt_out", ACME.entered_side, "acme", Source.AGENT, tuple(channels))],
            covering=confirmation.scopes, reply=confirmation if reply else None, no_reply="" if reply else "calls_only",
            once_for=timedelta(hours=24), detail={"actor": "ann"},
        ),
        now=at(seconds), due_at=at(seconds),
    )  # fmt: skip


def test_g4_a_colleagues_opt_out_and_its_one_confirmation_are_one_step(own_store: Store) -> None:
    done = opt_out(own_store, person(1))
    assert (done.outcomes[0].outcome, done.reply) == ("opted_out", "queued")
    again = opt_out(own_store, person(1), 51)
    assert (again.outcomes[0].outcome, again.reply, again.reply_id) == ("refreshed", "opted_out_already", "")
    confirmation = own_store.messages.get(done.reply_id)
    assert confirmation is not None
    assert own_store.messages.hand_over(confirmation, now=at(52), lease=LEASE).send
    assert own_store.messages.create(message(person(1), 53, "out"), due_at=at(53))[0] == "blocked"
    (day,) = days(own_store)
    assert (day.opt_outs, day.texts_out) == ({"agent": 1}, {"queued": 1})
    assert own_store.outbox.size() == 1


def test_who_opted_out_already_is_not_sent_a_confirmation_for_what_a_colleague_enters(own_store: Store) -> None:
    receive(own_store, person(1), 1, action="opt_out", changes=STOP)
    done = opt_out(own_store, person(1))
    assert (done.outcomes[0].outcome, done.reply) == ("opted_out", "opted_out_already")
    assert opt_out(own_store, person(2), reply=False).reply == "calls_only"
    assert own_store.outbox.size() == 0


@pytest.fixture
def forgetful(own_store: Store, own_valkey: Any) -> Iterator[Store]:
    """A store that keeps texts for an hour."""
    store = open_store(own_valkey.url, retention=timedelta(hours=1))
    yield store
    store.close()


def pays(number: str, seconds: int) -> bool:
    """Whether a text cleans up behind others: one in sixteen does."""
    return message(number, seconds).id.endswith("0")


def test_lists_forget_with_the_texts_they_list(forgetful: Store) -> None:
    old = int((datetime.now(UTC) - at(0)).total_seconds())
    for index in range(70):
        receive(forgetful, f"+1415555{index:02d}77", old - 7200)
    listed = keys.texts("77", "acme", "in")
    assert forgetful.client.zcard(listed) == 70
    new = [receive(forgetful, f"+1415{index:05d}77", old) for index in range(400) if pays(f"+1415{index:05d}77", old)]
    assert len(new) >= 2
    assert forgetful.client.zcard(listed) == len(new)
    assert forgetful.client.zcard(keys.conversations("77", "acme")) == len(new)
    assert 0 < forgetful.client.pttl(listed) <= 3_600_000
    assert len(bodies(forgetful, account="acme")) == len(new)


def test_a_text_whose_record_is_gone_is_left_out(own_store: Store) -> None:
    texts = [receive(own_store, person(index), index) for index in range(9)]
    for text in texts[3:6]:
        own_store.client.delete(keys.message(shard_of(text.address), text.id))
    assert bodies(own_store, 2) == ["text 8", "text 7", "text 6", "text 2", "text 1", "text 0"]


def test_a_page_looks_at_so_many_texts_and_no_more(own_store: Store) -> None:
    for seconds in range(30):
        receive(own_store, person(seconds), seconds)
    rare = TextFilter(wanted=lambda text: text.body == "text 0")
    page = own_store.texts.newest("acme", rare, limit=5, most=10)
    assert (page.items, bool(page.next)) == ([], True)
    found = walk(lambda after: own_store.texts.newest("acme", rare, limit=5, after=after, most=10))
    assert [text.body for text in found] == ["text 0"]


def test_a_store_from_before_the_lists_gets_them_by_an_upgrade(own_store: Store) -> None:
    for seconds in range(40):
        (receive if seconds % 2 else send)(own_store, person(seconds % 9), seconds)
    text = send(own_store, person(1), 50)
    own_store.messages.hand_over(text, now=at(60), lease=LEASE)
    before = bodies(own_store), conversations(own_store), days(own_store)
    for pattern in ("texts", "conversations", "days"):
        for name in own_store.client.scan_iter(match=f"{{*}}:{pattern}:*"):
            own_store.client.delete(name)
    own_store.client.set(keys.KEYSPACE, 2)
    for _ in range(2):  # a step that was cut off is begun again
        assert list(own_store.keyspace.upgrade())[-1] == CURRENT
        assert (bodies(own_store), conversations(own_store), days(own_store)) == before
        own_store.client.set(keys.KEYSPACE, 2)


def test_a_hundred_thousand_texts_are_listed_by_short_commands(own_store: Store) -> None:
    """No command over 5 ms, whatever page of whichever list."""
    client = own_store.client
    for shard in range(100):
        indexes = range(shard, 100_000, 100)
        client.zadd(keys.texts(f"{shard:02d}", "acme", "in"), {f"m{shard:02d}{index:032x}": index for index in indexes})
        numbers = {f"+1{4_150_000_000 + index}": index for index in indexes}
        client.zadd(keys.conversations(f"{shard:02d}", "acme"), numbers)
    client.config_set("slowlog-log-slower-than", 5000)
    client.slowlog_reset()
    first = own_store.texts.newest("acme", TextFilter(directions=("in",)), limit=50)
    assert (first.items, bool(first.next)) == ([], True)  # none of them has a record, so it looked at many
    own_store.texts.conversations("acme", limit=50, after=f"{70_000}-+14150070000")
    own_store.texts.newest(
        "acme", TextFilter(since=datetime.fromtimestamp(5, UTC), until=datetime.fromtimestamp(9, UTC)), limit=200
    )
    slow = [entry["command"] for entry in client.slowlog_get(100)]
    assert [command for command in slow if b"ZREV" in command or b"HGETALL" in command] == []
