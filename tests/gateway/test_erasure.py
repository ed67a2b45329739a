"""Erasure (GD-1 to GD-4): a person's data goes, the block stays as a keyed hash and is honoured everywhere."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from gateway.cli import main
from gateway.outbound import SendRequest
from gateway.services import Services, build
from gateway.settings import load_settings
from store import keys
from store.consent import Source
from store.directory import Account
from store.errors import StoreMisconfigured, StoreUnreachable
from store.listed import Order, Wanted
from store.scopes import Channel, Scope
from tests.conftest import FakeClock, Jobs
from tests.webhooks import PERSON, text

Api = Callable[..., Any]
NEIGHBOUR = "+14155560100"
"""Somebody else whose number ends alike."""


@pytest.fixture
def acme(services: Services) -> Account:
    return services.store.directory.current().accounts["acme"]


def flat(value: Any) -> bytes:
    """All that is in a value, with spaces between."""
    if isinstance(value, dict):
        value = [part for pair in value.items() for part in pair]
    if isinstance(value, list | tuple | set):
        return b" ".join(sorted(map(flat, value)) if isinstance(value, set) else map(flat, value))
    return value if isinstance(value, bytes) else str(value).encode()


def everything_kept(services: Services) -> Iterator[tuple[str, bytes]]:
    """Every key of the store and all that is in it."""
    client = services.store.client
    readers: dict[bytes, Callable[[bytes], Any]] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"stream": client.xrange,
    }
    for key in client.scan_iter(count=1000):
        yield key.decode(), flat(readers[client.type(key)](key))


def traces(services: Services, number: str) -> list[str]:
    """Keys that still name a number: whole, in a packed row, or by its place in an index."""
    words = (number[1:].encode(), int(number[1:-2]).to_bytes(6))
    places = {
        f":{number[-4:]}": number[1:-4],  # gate, hold, audience
        f":{number[-5:]}": number[1:-5],  # details
        f":{number[1:-5]}": str(int(number[-5:])),  # the index of numbers
    }
    return [
        key
        for key, content in everything_kept(services)
        if number[1:] in key
        or words[0] in content
        or (key.startswith(f"{{{number[-2:]}}}") and words[1] in content)
        or any(key.endswith(end) and member.encode() in content.split() for end, member in places.items())
    ]


def drifts(services: Services) -> list[str]:
    return [str(drift) for report in services.store.verification().run() for drift in report.drifts]


def import_list(services: Services, account: Account, folder: Path, name: str, *numbers: str) -> dict[str, int]:
    file = folder / f"{name}.csv"
    file.write_text("phone\n" + "\n".join(numbers) + "\n", encoding="utf-8")
    services.imports.create(account, name, services.imports.order(account, file, actor="user ada"))
    *_, last = services.imports.run(name, file)
    return {outcome: count for outcome, count in last.record.counts.items() if count}


@pytest.fixture
def storied(
    services: Services, client: FlaskClient, acme: Account, clock: FakeClock, send_jobs: Jobs, tmp_path: Path
) -> None:
    """PERSON and NEIGHBOUR: imported, texted, in an audience; PERSON said STOP, asked again, and a colleague blocked calls."""
    import_list(services, acme, tmp_path, "first", PERSON, NEIGHBOUR)
    clock.pass_time(timedelta(seconds=1))
    services.audiences.create(acme, "news", name="", sender="")
    services.subscriptions.subscribe(acme, PERSON, "news", sender="+12025550100", actor="a")
    services.store.client.sadd("{00}:audience:acme/news:0100", PERSON[1:-4])
    list(services.imports.undo("first", source=Source.ADMIN, actor="user ada"))
    clock.pass_time(timedelta(seconds=1))
    services.outbound.accept(acme, SendRequest("+12025550100", PERSON, "Book fair on Saturday."))
    send_jobs()
    clock.pass_time(timedelta(seconds=1))
    text(client, "Please STOP, says Ann Example", MessageSid="SM" + "3" * 32)
    send_jobs()
    services.consent.opt_out(
        acme, PERSON, source=Source.ADMIN, actor="user ada", channels=[Channel.VOICE], note="Ann called"
    )
    services.consent.opt_out(acme, NEIGHBOUR, source=Source.ADMIN, actor="user ada")
    services.store.listing.page("acme", Wanted(), Order(by_number=True), limit=5)
    clock.pass_time(timedelta(seconds=1))


def erase(services: Services, account: Account, **wishes: Any) -> Any:
    return services.erasure.erase(account, PERSON, source=Source.ADMIN, actor="user ada", reason="request 7", **wishes)


def test_gd_2_nothing_in_the_store_names_the_person_any_more_and_nobody_else_lost_anything(
    services: Services, acme: Account, storied: None
) -> None:
    others = services.consent.explain(acme, NEIGHBOUR)
    assert len(traces(services, PERSON)) > 5
    done = erase(services, acme)
    assert (done.counts["texts"], done.blocks) == (3, 2)
    assert done.counts["journal_entries"] == 5
    assert traces(services, PERSON) == []
    assert not [key for key, content in everything_kept(services) if b"Ann" in content or b"Book fair" in content]
    assert services.consent.explain(acme, NEIGHBOUR) == others


def test_gd_4_the_journal_still_proves_the_state_and_tells_what_happened_without_number_and_words(
    services: Services, acme: Account, storied: None
) -> None:
    before = services.consent.explain(acme, PERSON)
    erase(services, acme)
    assert drifts(services) == []
    after = services.consent.explain(acme, PERSON)
    facts = [(e.id, e.kind, e.scope, e.channels, e.source, e.outcome, e.occurred_at) for e in before.journal]
    assert [(e.id, e.kind, e.scope, e.channels, e.source, e.outcome, e.occurred_at) for e in after.journal] == facts
    assert {entry.number for entry in after.journal} == {after.journal[0].number}
    assert after.journal[0].number.startswith("#00")
    stop = next(entry for entry in after.journal if entry.detail.get("rule"))
    assert set(stop.detail) == {"rule", "certainty", "sender", "carrier", "erased"}
    assert [(b.scope, b.channel, b.source, b.since) for b in after.blocks] == [
        (b.scope, b.channel, b.source, b.since) for b in before.blocks
    ]
    assert (after.messages, after.requests) == ((), ())


def test_erasing_twice_changes_nothing_more(services: Services, acme: Account, storied: None) -> None:
    erase(services, acme)
    before = sorted(everything_kept(services))
    done = erase(services, acme)
    assert (set(done.counts.values()), done.blocks) == ({0}, 0)
    assert sorted(everything_kept(services)) == before


def test_gd_1_the_gate_the_checks_and_the_scrub_still_refuse_an_erased_number(
    services: Services, acme: Account, storied: None, api: Api, tmp_path: Path, send_jobs: Jobs
) -> None:
    erase(services, acme)
    status, answer = api("POST", "/messages", {"from": "+12025550100", "to": PERSON, "body": "Hello?"})
    assert (status, answer["code"], answer["source"]) == (409, "opted_out", "keyword")
    results = api("POST", "/opt-outs/check", {"numbers": ["+14155550199", PERSON, NEIGHBOUR]})[1]["results"]
    assert [result["allowed"] for result in results] == [True, False, False]
    assert (results[1]["source"], results[1]["scope"]) == ("keyword", "account")
    voice = api("POST", "/opt-outs/check", {"numbers": [PERSON], "channel": "voice"})[1]["results"]
    assert voice[0]["allowed"] is False
    numbers = [f"+1415555{number:04d}" for number in range(300)]
    found = services.store.bulk.check(
        [*numbers, PERSON], [Scope.of_account("acme").entered_side, Scope.of_account("acme")]
    )
    assert [number for number, scope in zip([*numbers, PERSON], found, strict=True) if scope] == [PERSON, PERSON]
    assert set(found) == {0, 2}
    lines = tmp_path / "audience.csv"
    lines.write_text(f"phone\n{PERSON}\n+14155550199\n", encoding="utf-8")
    assert [row["allowed"] for row in scrubbed(services, acme, lines)] == ["no", "yes"]


def scrubbed(services: Services, account: Account, file: Path) -> list[dict[str, str]]:
    target = file.with_name("out.csv")
    done = CliRunner().invoke(main, ["scrub", str(file), str(target), "--account", account.id], env=ENVIRONMENT[0])
    assert done.exit_code == 0, done.output
    return list(csv.DictReader(io.StringIO(target.read_text(encoding="utf-8"))))


ENVIRONMENT: list[dict[str, str]] = []


@pytest.fixture(autouse=True)
def _remember(environment: dict[str, str]) -> None:
    ENVIRONMENT[:] = [environment]


def test_gd_1_a_text_that_waited_when_its_number_was_erased_never_goes_out(
    services: Services, acme: Account, storied: None, send_jobs: Jobs
) -> None:
    services.outbound.accept(acme, SendRequest("+12025550100", "+14155550199", "Hi"))
    message = services.outbound.accept(acme, SendRequest("+12025550100", "+14155550101", "Hello?"))
    services.erasure.erase(acme, "+14155550101", source=Source.ADMIN, actor="user ada", block=True)
    assert send_jobs() == ["accepted"]
    assert services.store.messages.get(message.id) is None
    assert services.consent.check(acme, ["+14155550101"])[0].allowed is False


def test_gd_1_an_erased_number_is_refused_at_the_moment_of_hand_off(
    services: Services, acme: Account, storied: None, send_jobs: Jobs
) -> None:
    """A text that was written for it although it was erased meanwhile: the gate alone decides."""
    message = services.outbound.accept(acme, SendRequest("+12025550100", "+14155550101", "Hello?"))
    services.consent.opt_out(acme, "+14155550101", source=Source.ADMIN, actor="user ada")
    services.store.erasure.erase_journal("+14155550101", "acme", now=services.clock.now(), detail={})
    assert send_jobs() == ["suppressed"]
    assert services.store.messages.get(message.id).status == "suppressed"  # type: ignore[union-attr]


def test_gd_1_an_import_does_not_bring_an_erased_number_back(
    services: Services, acme: Account, storied: None, tmp_path: Path
) -> None:
    erase(services, acme)
    assert import_list(services, acme, tmp_path, "again", PERSON, NEIGHBOUR, "+14155550199") == {
        "already": 1,
        "opted_out": 2,
    }
    assert traces(services, PERSON) == []
    assert drifts(services) == []


def test_a_row_that_blocks_more_than_the_erased_block_is_written(
    services: Services, acme: Account, tmp_path: Path
) -> None:
    services.consent.opt_out(acme, PERSON, source=Source.ADMIN, actor="a", channels=[Channel.TEXT])
    erase(services, acme)
    assert import_list(services, acme, tmp_path, "both", PERSON) == {"opted_out": 1}


def test_the_person_comes_back_by_start_and_only_they_do(
    services: Services, acme: Account, storied: None, client: FlaskClient, api: Api, clock: FakeClock, send_jobs: Jobs
) -> None:
    """G5 after GD-1: what was erased is still the person's own STOP."""
    erase(services, acme)
    assert api("DELETE", f"/opt-outs/{PERSON}")[1]["code"] == "opted_out_by_person"
    clock.pass_time(timedelta(minutes=1))
    text(client, "START", MessageSid="SM" + "4" * 32)
    assert "accepted" in send_jobs()
    check = services.consent.check(acme, [PERSON], channel=Channel.TEXT)[0]
    assert check.allowed is True
    # What a colleague entered stays until a colleague lifts it, erased or not.
    assert services.consent.check(acme, [PERSON], channel=Channel.VOICE)[0].allowed is False
    clock.pass_time(timedelta(minutes=1))
    assert api("DELETE", f"/opt-outs/{PERSON}")[0] == 200
    assert services.consent.check(acme, [PERSON], channel=Channel.VOICE)[0].allowed is True
    assert drifts(services) == []
    words = [
        entry.detail.get("text") for entry in services.consent.explain(acme, PERSON).journal if entry.number[0] == "#"
    ]
    assert set(words) == {None}


def test_a_start_from_somebody_who_was_never_erased_leaves_no_pseudonym(
    services: Services, acme: Account, storied: None, client: FlaskClient, clock: FakeClock
) -> None:
    erase(services, acme)
    text(client, "START", From="+14155550199", MessageSid="SM" + "5" * 32)
    kept = [key for key, _ in everything_kept(services) if ":erased" in key]
    assert sorted(key.split(":")[0] for key in kept) == ["{00}"] * len(kept)
    assert drifts(services) == []


def test_a_person_who_stops_again_and_is_erased_again_has_one_history(
    services: Services, acme: Account, storied: None, client: FlaskClient, clock: FakeClock
) -> None:
    erase(services, acme)
    for minute, word in enumerate(("START", "STOP")):
        clock.pass_time(timedelta(minutes=1))
        text(client, word, MessageSid="SM" + str(minute) * 32)
    clock.pass_time(timedelta(minutes=1))
    erase(services, acme)
    assert traces(services, PERSON) == []
    assert services.consent.check(acme, [PERSON])[0].allowed is False
    assert drifts(services) == []


def test_a_text_that_nobody_had_read_yet_counts_as_an_opt_out_when_its_number_is_erased(
    services: Services, acme: Account, client: FlaskClient
) -> None:
    text(client, "not interested")
    held = services.consent.explain(acme, PERSON).held
    erase(services, acme)
    assert (held, services.consent.check(acme, [PERSON])[0].allowed) == (True, False)
    assert services.reviews.queue(acme) == []


def test_g8_an_account_erases_its_own_data_and_the_operator_everybodys(
    services: Services, acme: Account, client: FlaskClient, api: Api
) -> None:
    globex = services.store.directory.current().accounts["globex"]
    text(client, "STOP", To="72975")
    services.consent.opt_out(globex, PERSON, source=Source.ADMIN, actor="user bob", note="Ann rang")
    erase(services, acme)
    assert services.consent.check(acme, [PERSON], sender="72975")[0].allowed is False
    assert any("note" in entry.detail for entry in services.consent.explain(globex, PERSON).journal)
    text(client, "STOP", To="+19995550000", MessageSid="SM" + "6" * 32)
    services.erasure.erase_everywhere(PERSON, actor="operator")
    assert traces(services, PERSON) == []
    for account in (acme, globex):
        assert services.consent.check(account, [PERSON], sender="72975")[0].allowed is False
    assert drifts(services) == []


def test_the_api_erases_for_admins_who_say_the_number_twice(
    services: Services, acme: Account, storied: None, api: Api
) -> None:
    assert api("POST", f"/opt-outs/{PERSON}/erase", {"confirm": NEIGHBOUR})[1]["code"] == "not_confirmed"
    assert api("POST", f"/opt-outs/{PERSON}/erase", {"confirm": PERSON}, role="manage")[0] == 403
    status, answer = api("POST", f"/opt-outs/{PERSON}/erase", {"confirm": PERSON, "reason": "request 7"})
    assert (status, answer["erased"]["texts"], answer["blocks_kept"]) == (200, 3, 2)
    assert [entry["kind"] for entry in services.proofs.make(acme, PERSON)["entries"]].count("text") == 0


def test_the_command_line_asks_and_erases(services: Services, storied: None, environment: dict[str, str]) -> None:
    def run(*arguments: str, answer: str = "") -> Any:
        return CliRunner().invoke(main, ["erase", *arguments], env=environment, input=answer)

    assert run(PERSON, "--reason", "request 7", answer="n\n").exit_code == 1
    assert run("hello", "--reason", "x").exit_code == 2
    done = run(PERSON, "--reason", "request 7", "--yes")
    assert (done.exit_code, "3  texts erased" in done.output, "2  opt-outs stay" in done.output) == (0, True, True)
    assert traces(services, PERSON) == []


def test_gd_3_with_a_new_key_the_old_erasures_are_found_and_without_the_old_key_nothing_starts(
    services: Services, acme: Account, storied: None, environment: dict[str, str], clock: FakeClock
) -> None:
    erase(services, acme)

    def with_key(value: str) -> Services:
        return build(load_settings({**environment, "STOPGATE_ERASURE_KEY": value}), clock=clock)

    rotated = with_key("n" * 32 + ",derived")
    rotated.store.erasure.demand_keys()
    assert rotated.consent.check(acme, [PERSON])[0].allowed is False
    rotated.erasure.erase(acme, NEIGHBOUR, source=Source.ADMIN, actor="user ada")
    assert rotated.consent.check(acme, [NEIGHBOUR])[0].allowed is False
    rotated.close()
    for value in ("n" * 32, "derived", "x" * 32):
        lost = with_key(value)
        with pytest.raises(StoreMisconfigured, match="STOPGATE_ERASURE_KEY"):
            lost.store.erasure.demand_keys()
        lost.close()
    done = CliRunner().invoke(main, ["check", PERSON, "--account", "acme"], env=environment)
    assert (done.exit_code, "cannot be honoured" in done.output) == (1, True)


def test_gd_3_the_hash_needs_the_key(services: Services, acme: Account, storied: None) -> None:
    import hashlib

    erase(services, acme)
    kept = "".join(f"{key} {content!r}" for key, content in everything_kept(services))
    for form in (PERSON, PERSON[1:], PERSON[2:]):
        for name in ("sha256", "sha1", "md5"):
            assert hashlib.new(name, form.encode()).hexdigest()[:20] not in kept


def test_entries_that_come_while_a_journal_is_written_anew_are_not_lost(
    services: Services, acme: Account, storied: None
) -> None:
    """The copy catches up until nothing came in between; another erasure in between starts it anew."""
    swap, tried = services.store.erasure._swap, []

    def busy(*arguments: Any) -> str:
        tried.append(1)
        if len(tried) == 1:
            services.consent.opt_out(acme, "+14155570100", source=Source.ADMIN, actor="meanwhile")
        if len(tried) == 2:
            services.store.erasure.erase_journal(NEIGHBOUR, "acme", now=services.clock.now(), detail={})
            assert services.consent.check(acme, [NEIGHBOUR])[0].allowed is False
        return swap(*arguments)

    services.store.erasure._swap = busy  # type: ignore[method-assign]
    erase(services, acme)
    assert len(tried) == 4  # the neighbour's own is one of them
    assert traces(services, PERSON) == []
    assert not [key for key in traces(services, NEIGHBOUR) if ":journal:" in key or ":details:" in key]
    checks = services.consent.check(acme, ["+14155570100", NEIGHBOUR, PERSON])
    assert [check.allowed for check in checks] == [False, False, False]
    assert drifts(services) == []
    assert not [key for key, _ in everything_kept(services) if "rewriting" in key]


def test_an_erasure_whose_answer_was_lost_is_completed_by_repeating_it(
    services: Services, acme: Account, storied: None
) -> None:
    call = services.store.erasure._functions.call_raw
    lost = []

    def without_answer(name: str, names: Any, *arguments: Any) -> Any:
        answer = call(name, names, *arguments)
        if not lost:
            lost.append(answer)
            raise StoreUnreachable("the answer was lost")
        return answer

    services.store.erasure._functions = SimpleNamespace(call_raw=without_answer)  # type: ignore[assignment]
    with pytest.raises(StoreUnreachable):
        erase(services, acme)
    assert services.consent.check(acme, [PERSON])[0].allowed is False
    erase(services, acme)
    assert (traces(services, PERSON), drifts(services)) == ([], [])


def test_events_about_an_erased_number_go_and_none_comes_of_its_tombstones(
    services: Services, acme: Account, storied: None, client: FlaskClient, clock: FakeClock
) -> None:
    def follow() -> list[str]:
        for shard in keys.SHARDS:
            services.following.follow(shard)
        return [str(event.data["number"]) for event in services.store.events.feed("acme", limit=100)[0]]

    assert {PERSON, NEIGHBOUR} <= set(follow())
    assert erase(services, acme).counts["events"] == 2
    clock.pass_time(timedelta(minutes=1))
    text(client, "START", MessageSid="SM" + "4" * 32)
    assert set(follow()) == {NEIGHBOUR}


def test_lists_and_exports_leave_erased_numbers_out(services: Services, acme: Account, storied: None) -> None:
    erase(services, acme)
    for order in (Order(by_number=True), Order()):
        page = services.store.listing.page("acme", Wanted(), order, limit=9)
        assert {item.number for item in page.items} == {NEIGHBOUR}
    exported = services.store.bulk.all_blocked(lambda scope: scope.account == "acme")
    assert {row.number for row in exported} == {NEIGHBOUR}
