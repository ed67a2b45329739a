"""Erasures and their keys: who may erase, which key finds what, and what happens meanwhile."""

from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from gateway.cli import main
from gateway.services import Services, build
from gateway.settings import load_settings
from store.consent import Source
from store.directory import Account
from store.errors import StoreMisconfigured, StoreUnreachable
from tests.conftest import FakeClock
from tests.gateway.erased_people import NEIGHBOUR, Api, drifts, erase, everything_kept, traces
from tests.webhooks import PERSON, text


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
