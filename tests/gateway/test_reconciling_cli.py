"""`stopgate reconcile` and `stopgate drift`, as a person types them."""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
import structlog
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.cli.reconciling import moment_of
from gateway.logs import configure_logs
from gateway.services import build
from gateway.settings import load_settings
from store.consent import Source
from tests.conftest import DIRECTORY
from tests.fake_twilio import FakeTwilio
from tests.gateway.test_inbound import sid
from tests.webhooks import PERSON

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SENDER, LONG, GLOBEX = "+12025550100", "+15005550006", "+12025550111"
Run = Callable[..., Result]


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run `stopgate` with the test's settings and accounts; nobody waits."""
    # With a stream of their own, loggers do not keep the runner's, which is gone after the test.
    monkeypatch.setattr("gateway.cli.opening.configure_logs", lambda kind: configure_logs(kind, stream=sys.stderr))
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr("gateway.clock.Clock.sleep", lambda _self, _seconds: None)
    runner = CliRunner()
    (tmp_path / "accounts.toml").write_text(DIRECTORY, encoding="utf-8")
    runner.invoke(main, ["apply", str(tmp_path / "accounts.toml")], env=environment)

    def call(*arguments: str, **changes: str) -> Result:
        done = runner.invoke(main, list(arguments), env={**environment, **changes})
        assert "Traceback" not in done.output
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done

    yield call
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def ago(**duration: float) -> datetime:
    return datetime.now(UTC) - timedelta(**duration)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T08:00", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        ("2026-11-20 08:00:30", datetime(2026, 11, 20, 8, 0, 30, tzinfo=UTC)),
        ("2026-11-20T08:00+01:00", datetime(2026, 11, 20, 7, tzinfo=UTC)),
        ("2026-11-20T08:00Z", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        ("90m", NOW - timedelta(minutes=90)),
        ("6h", NOW - timedelta(hours=6)),
        ("3d", NOW - timedelta(days=3)),
    ],
)
def test_a_time_may_be_a_day_a_moment_or_how_long_ago(typed: str, meant: datetime) -> None:
    assert moment_of(typed, NOW) == meant


@pytest.mark.parametrize("typed", ["", "yesterday", "6 h", "0h", "-3d", "2026-13-01", "2026-11-23", "999999d", "3w"])
def test_what_is_no_time_is_refused(typed: str) -> None:
    with pytest.raises(click.UsageError):
        moment_of(typed, NOW)


def test_reconcile_tells_what_it_found_and_the_second_time_that_it_was_seen(run: Run, fake_twilio: FakeTwilio) -> None:
    fake_twilio.got(sid(1), SENDER, PERSON, "STOP", ago(hours=3))
    fake_twilio.got(sid(2), SENDER, "+14155550101", "hello", ago(hours=2))
    done = run("reconcile", "twilio", "--since", "6h")
    assert done.exit_code == 0
    assert "taken in:  2, of which opt-outs: 1" in done.output
    assert "0 seen before, 2 taken in" in done.output, "progress"
    assert run("check", PERSON, "--account", "acme").exit_code == 1
    again = run("reconcile", "twilio", "--since", "1d")
    assert "seen before:  2" in again.output
    assert "taken in:  0" in again.output


def test_a_dry_run_says_that_nothing_was_changed(run: Run, fake_twilio: FakeTwilio) -> None:
    fake_twilio.got(sid(1), SENDER, PERSON, "STOP", ago(hours=3))
    done = run("reconcile", "twilio", "--since", "6h", "--dry-run")
    assert "would be taken in:  1, of which opt-outs: 1" in done.output
    assert "Nothing was changed" in done.output
    assert run("check", PERSON, "--account", "acme").exit_code == 0


def test_one_accounts_senders_and_an_end(run: Run, fake_twilio: FakeTwilio) -> None:
    fake_twilio.got(sid(1), GLOBEX, PERSON, "STOP", ago(hours=5))
    fake_twilio.got(sid(2), GLOBEX, PERSON, "START", ago(hours=1))
    until = ago(hours=2).isoformat()
    done = run("reconcile", "twilio", "--since", "6h", "--until", until, "--account", "globex")
    assert "to 2 senders" in done.output
    assert "taken in:  1, of which opt-outs: 1" in done.output


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["twilio"], 2, "--since"),
        (["twilio", "--since", "soon"], 2, "is no time"),
        (["twilio", "--since", "1h", "--until", "2h"], 2, "--until has to be after --since"),
        (
            ["twilio", "--since", "1h", "--account", "nobody"],
            1,
            "There is no account 'nobody'. Accounts: acme, globex.",
        ),
        (["telnyx", "--since", "1h"], 1, "not switched on"),
        (["simulator", "--since", "1h"], 1, "keeps no list"),
        (["twilio", "--since", "2020-01-01"], 1, "goes back 390 days at most"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(run: Run, arguments: list[str], code: int, sentence: str) -> None:
    done = run("reconcile", *arguments)
    assert (done.exit_code, sentence in done.output) == (code, True), done.output


@pytest.mark.parametrize(
    ("faults", "code", "sentence"),
    [
        (["20003"], 1, "Check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"),
        (["20006"], 1, "does not let this account use its list of texts"),
        (["20429", "20503"], 0, "taken in:  1"),
        (["20503"] * 7, 1, "the same command goes on from there"),
        (["20404"], 1, "not looked at: All senders: Twilio refused its list of texts (HTTP 404)"),
    ],
)
def test_errors_of_the_carrier_are_waited_for_or_said_never_a_traceback(
    run: Run, fake_twilio: FakeTwilio, faults: list[str], code: int, sentence: str
) -> None:
    fake_twilio.got(sid(1), SENDER, PERSON, "STOP", ago(hours=3))
    fake_twilio.faults += faults
    done = run("reconcile", "twilio", "--since", "6h")
    assert (done.exit_code, sentence in done.output) == (code, True), done.output
    assert PERSON not in done.output
    again = run("reconcile", "twilio", "--since", "6h")
    assert again.exit_code == 0
    assert run("check", PERSON, "--account", "acme").exit_code == 1


def test_an_unreachable_carrier_is_one_sentence(run: Run) -> None:
    done = run("reconcile", "twilio", "--since", "6h", TWILIO_API_BASE_URL="http://127.0.0.1:9")
    assert done.exit_code == 1
    assert "Twilio could not be reached for its list of texts" in done.output


def test_drift_lists_both_sides_with_the_repair_and_as_json(run: Run, fake_twilio: FakeTwilio) -> None:
    assert "0 that the carrier blocks and we do not; 0 the other way round." in run("drift").output
    fake_twilio.got(sid(1), LONG, PERSON, "STOP", ago(hours=3))
    fake_twilio.got(sid(2), SENDER, PERSON, "START", ago(hours=2))
    run("reconcile", "twilio", "--since", "6h")
    shown = run("drift", "--account", "acme").output
    assert f"{PERSON}  acme  {LONG}  the carrier blocks, we say open since" in shown
    assert f"ask them to text START to {LONG}." in shown
    assert "1 that the carrier blocks and we do not; 0 the other way round." in shown
    (line,) = run("drift", "--json").output.splitlines()
    row = json.loads(line)
    assert (row["number"], row["side"], row["pushable"]) == (PERSON, "carrier_blocks", False)
    assert run("drift", "--account", "globex", "--json").output == ""
    assert run("drift", "--account", "nobody").exit_code == 2


def test_drift_push_tells_what_was_taken_and_what_was_not(
    run: Run, environment: dict[str, str], fake_twilio: FakeTwilio
) -> None:
    services = build(load_settings(environment))
    acme = services.store.directory.current().accounts["acme"]
    for number in (PERSON, "+14155550101"):
        services.consent.opt_out(acme, number, source=Source.API, actor="a program", sender=LONG)
    services.close()
    assert "we block, the carrier is open" in run("drift").output
    assert fake_twilio.consents == [], "only when asked for"
    fake_twilio.bad_contacts.add("+14155550101")
    done = run("drift", "--push")
    assert (done.exit_code, "twilio took 1 opt-outs." in done.output) == (1, True)
    assert f"not taken: +14155550101 at {LONG}: code 30646: INVALID_CONTACT_ID" in done.output
    fake_twilio.bad_contacts.clear()
    done = run("drift", "--push")
    assert (done.exit_code, "twilio took 1 opt-outs." in done.output) == (0, True)
    fake_twilio.faults += ["20003"]
    assert "took 0" in run("drift", "--push").output, "nothing to tell, nobody asked"
