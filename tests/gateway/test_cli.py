"""The command line, over a store of its own."""

import json
import socket
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from tests.conftest import DIRECTORY
from tests.gateway.test_configuration import EXAMPLE
from tests.webhooks import PERSON


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path):  # type: ignore[no-untyped-def]
    """Run `stopgate` with the test's settings."""
    runner = CliRunner()
    (tmp_path / "accounts.toml").write_text(DIRECTORY, encoding="utf-8")
    runner.invoke(main, ["apply", str(tmp_path / "accounts.toml")], env=environment)

    def call(*arguments: str, **changes: str) -> Result:
        return runner.invoke(main, list(arguments), env={**environment, **changes})

    return call


def test_apply_shows_what_changes_and_with_dry_run_changes_nothing(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "example.toml"
    path.write_text(EXAMPLE, encoding="utf-8")
    shown = run("apply", str(path), "--dry-run")
    assert (shown.exit_code, "Nothing was changed" in shown.output) == (0, True)
    assert "Applied." in run("apply", str(path)).output
    assert "Nothing to change." in run("apply", str(path)).output


def test_apply_names_the_mistakes_of_a_file_and_exits_with_1(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "broken.toml"
    path.write_bytes(b"\xff\xfe")
    assert "not UTF-8" in run("apply", str(path)).output
    path.write_text("[[accounts]]", encoding="utf-8")
    done = run("apply", str(path))
    assert (done.exit_code, "id is missing" in done.output) == (1, True)


def test_apply_says_one_thing_about_a_keyword_without_an_action_and_what_a_default_was(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "broken.toml"
    account = '[[accounts]]\nid = "acme"\nname = "Acme"\n'
    path.write_text(f'{account}[[accounts.keywords]]\nword = "STOP"\n', encoding="utf-8")
    assert run("apply", str(path)).output.splitlines()[1:] == ["  - accounts[0] (acme).keywords[0]: action is missing."]
    settings = (
        'stop_scope = "sender"\nbrand = "Acme"\ntext_stop_blocks_voice = false\nopt_out_message = {en = "Acme: out"}'
    )
    path.write_text(f"{account}[accounts.settings]\n{settings}", encoding="utf-8")
    lines = [line.strip() for line in run("apply", str(path), "--dry-run").output.splitlines()]
    assert [line for line in lines if line.startswith("settings.")] == [
        "settings.brand: the default -> 'Acme'",
        "settings.opt_out_message: the default -> {'en': 'Acme: out'}",
        "settings.stop_scope: the default ('account') -> 'sender'",
        "settings.text_stop_blocks_voice: the default (True) -> False",
    ]


def test_a_key_is_printed_once_as_the_last_word_and_can_be_revoked(run) -> None:  # type: ignore[no-untyped-def]
    made = run("keys", "create", "--account", "acme", "--role", "send")
    key = made.output.split()[-1]
    assert key.startswith("sg_")
    listed = run("keys", "list")
    identifier = listed.output.split()[0]
    assert identifier in key
    assert key.split("_")[2] not in listed.output
    assert run("keys", "revoke", identifier).exit_code == 0
    assert run("keys", "revoke", identifier).exit_code == 2


def test_a_command_that_needs_an_account_says_which_there_are(run) -> None:  # type: ignore[no-untyped-def]
    done = run("check", PERSON)
    assert (done.exit_code, "Accounts: acme, globex" in done.output) == (2, True)
    assert run("check", PERSON, "--account", "nobody").exit_code == 2


def test_check_and_explain_tell_the_state_of_a_number(run) -> None:  # type: ignore[no-untyped-def]
    done = run("check", "415 555 0100", "--account", "acme")
    assert (done.exit_code, done.output) == (0, f"{PERSON}  yes\n")
    told = run("explain", PERSON, "--account", "acme").output
    assert "may be texted and called" in told


def test_a_number_that_is_none_is_refused_with_a_sentence(run) -> None:  # type: ignore[no-untyped-def]
    done = run("check", "hello", "--account", "acme")
    assert (done.exit_code, "A phone number has no letters" in done.output) == (2, True)


def test_try_says_what_a_text_means_and_changes_nothing(run) -> None:  # type: ignore[no-untyped-def]
    assert run("try", "STOP").output.startswith("opt_out (exact)")
    assert json.loads(run("try", "--json", "STOP").output)["action"] == "opt_out"


def test_doctor_finds_nothing_wrong_with_a_good_installation(run) -> None:  # type: ignore[no-untyped-def]
    done = run("doctor")
    assert done.exit_code == 0, done.output
    assert "FIX" not in done.output
    assert "durability: aof" in done.output


def test_doctor_names_the_senders_that_cannot_send_since_their_carrier_is_off(run) -> None:  # type: ignore[no-untyped-def]
    done = run("doctor", TWILIO_ACCOUNT_SID="", TWILIO_AUTH_TOKEN="", TWILIO_API_BASE_URL="")
    assert done.exit_code == 1
    assert "globex cannot send from +12025550111, 72975: the carrier twilio is not switched on" in done.output
    assert "+12025550177" not in done.output


@pytest.mark.parametrize("command", ["up", "web"])
def test_a_port_where_something_listens_is_refused_before_anything_starts(run, command: str) -> None:  # type: ignore[no-untyped-def]
    changes = {"STOPGATE_STORE_URL": ""} if command == "up" else {}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(command, "--port", str(port), **changes)
    assert done.exit_code == 2
    assert f"Nothing can listen on 127.0.0.1:{port}: Address already in use. Name another" in done.output


def test_settings_that_cannot_be_used_stop_every_command_with_the_whole_list(run) -> None:  # type: ignore[no-untyped-def]
    done = run("doctor", STOPGATE_DURABILITY="never", STOPGATE_LOG_FORMAT="poem")
    assert done.exit_code == 2
    assert "STOPGATE_DURABILITY" in done.output
    assert "STOPGATE_LOG_FORMAT" in done.output


def test_a_store_that_cannot_keep_the_promise_is_refused_at_the_start(run, store_url: str) -> None:  # type: ignore[no-untyped-def]
    import redis

    client = redis.Redis.from_url(store_url)
    for name, good, bad in (("appendfsync", "always", "everysec"), ("maxmemory-policy", "noeviction", "allkeys-lru")):
        client.config_set(name, bad)
        try:
            done = run("doctor")
        finally:
            client.config_set(name, good)
        assert done.exit_code == 1
        assert name in done.output
    client.close()


def test_a_store_that_is_not_there_is_one_sentence(run) -> None:  # type: ignore[no-untyped-def]
    done = run("check", PERSON, STOPGATE_STORE_URL="unix:///nowhere/socket")
    assert done.exit_code == 1
    assert "The store did not answer" in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"TWILIO_AUTH_TOKEN": "wrong"}, "did not accept the credentials"),
        ({"TWILIO_API_BASE_URL": "http://127.0.0.1:9"}, "could not be reached"),
    ],
)
def test_doctor_finds_credentials_that_the_carrier_does_not_accept(run, change: dict[str, str], sentence: str) -> None:  # type: ignore[no-untyped-def]
    done = run("doctor", **change)
    assert done.exit_code == 1
    assert sentence in done.output


def test_the_operator_blocks_a_number_for_every_account_and_lifts_it_again(run) -> None:  # type: ignore[no-untyped-def]
    assert "opted_out" in run("block", PERSON, "--note", "a litigator").output
    for account in ("acme", "globex"):
        done = run("check", PERSON, "--account", account)
        assert (done.exit_code, "global" in done.output) == (1, True)
    time.sleep(0.01)
    assert "lifted" in run("block", PERSON, "--lift", "--note", "a mistake").output
    assert run("check", PERSON, "--account", "acme").exit_code == 0
    assert run("block", "nobody", "--note", "x").exit_code == 2
