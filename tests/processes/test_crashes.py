"""What survives when processes die at the worst moment. Real processes, real Valkey, real RQ workers."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import DIRECTORY
from tests.fake_twilio import FakeTwilio
from tests.processes.installation import Installation, is_alive, wait_for
from tests.webhooks import INBOUND, PERSON, STATUS, inbound_form, status_form

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]


@pytest.fixture
def directory_file(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.toml"
    path.write_text(DIRECTORY, encoding="utf-8")
    return path


@pytest.fixture
def running(tmp_path: Path, fake_twilio: FakeTwilio, directory_file: Path) -> Iterator[Installation]:
    with Installation(tmp_path / "data", {}, twilio_url=fake_twilio.url) as installation:
        installation.command("apply", str(directory_file))
        yield installation


@pytest.fixture
def key(running: Installation) -> str:
    return running.command("keys", "create", "--account", "acme", "--role", "admin").split()[-1]


def stop(number: int = 1, person: str = PERSON) -> dict[str, str]:
    return inbound_form("STOP", MessageSid=f"SM{number:032x}", From=person)


def status_of(running: Installation, key: str, identifier: str) -> Any:
    return running.api("GET", f"/messages/{identifier}", key).json()


def test_g1_a_stop_answered_200_survives_the_death_of_every_process_and_is_confirmed_once(
    running: Installation, key: str, fake_twilio: FakeTwilio
) -> None:
    people = [f"+1415555{number:04d}" for number in range(20)]
    answers: list[int] = []
    for number, person in enumerate(people):
        answers.append(running.webhook(INBOUND, stop(number, person)).status_code)
    running.kill_everything()
    assert answers == [200] * 20
    running.start()
    checked = running.api("POST", "/opt-outs/check", key, {"numbers": people}).json()["results"]
    assert [item["allowed"] for item in checked] == [False] * 20
    # A worker may have died between the gate and the carrier's answer: that one confirmation stays unknown.
    wait_for(lambda: len({message["To"] for message in fake_twilio.sent}) >= 19)
    time.sleep(1)
    texted = [message["To"] for message in fake_twilio.sent]
    assert len(texted) == len(set(texted))
    assert running.webhook(INBOUND, stop(1, people[1])).status_code == 200  # the carrier tries again
    time.sleep(1)
    assert len(fake_twilio.sent) == len(texted)


def test_g1_with_valkey_down_the_webhook_answers_503_and_the_carriers_retry_succeeds(
    running: Installation, key: str, fake_twilio: FakeTwilio
) -> None:
    valkey = running.find("valkey-server")
    os.kill(valkey, signal.SIGSTOP)
    try:
        assert running.webhook(INBOUND, stop()).status_code == 503
    finally:
        os.kill(valkey, signal.SIGCONT)
    wait_for(running.is_ready)
    assert running.webhook(INBOUND, stop()).status_code == 200
    assert running.api("GET", f"/opt-outs/{PERSON}", key).json()["opted_out"]
    wait_for(lambda: fake_twilio.sent)
    time.sleep(1)
    assert len(fake_twilio.sent) == 1


def test_a_valkey_that_dies_is_started_again_with_everything_in_it(running: Installation, key: str) -> None:
    assert running.webhook(INBOUND, stop()).status_code == 200
    os.kill(running.find("valkey-server"), signal.SIGKILL)

    def is_back() -> bool:
        try:
            return bool(running.api("GET", f"/opt-outs/{PERSON}", key).json().get("opted_out"))
        except requests.RequestException:
            return False

    wait_for(is_back)


def test_g9_a_worker_killed_during_the_carrier_call_leaves_an_unknown_text_that_the_report_resolves(
    running: Installation, key: str, fake_twilio: FakeTwilio
) -> None:
    fake_twilio.faults = ["hang"]
    body = {"from": "+12025550100", "to": PERSON, "body": "Hello"}
    identifier = running.api("POST", "/messages", key, body).json()["id"]
    wait_for(lambda: fake_twilio.sent)  # the carrier has it, the worker waits for the answer
    os.kill(running.find("worker --queue default"), signal.SIGKILL)
    time.sleep(3)
    assert len(fake_twilio.sent) == 1
    assert status_of(running, key, identifier)["status"] == "handing_over"
    report = status_form("delivered", fake_twilio.sent[0]["Sid"])
    assert running.webhook(f"{STATUS}?m={identifier}", report).status_code == 204
    assert status_of(running, key, identifier)["status"] == "delivered"


def test_g3_the_same_stop_from_ten_connections_at_once_is_confirmed_once(
    running: Installation, fake_twilio: FakeTwilio
) -> None:
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(running.webhook(INBOUND, stop()).status_code)) for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 10
    wait_for(lambda: fake_twilio.sent)
    time.sleep(1.5)
    assert len(fake_twilio.sent) == 1


def test_ctrl_c_ends_everything_cleanly_and_the_next_start_finds_the_same_state(
    running: Installation, key: str
) -> None:
    assert running.webhook(INBOUND, stop()).status_code == 200
    pids = list(running.processes())
    assert len(pids) >= 7
    assert running.interrupt() == 0
    wait_for(lambda: not any(is_alive(pid) for pid in pids))
    assert "Traceback" not in running.log.read_text(encoding="utf-8")
    running.start()
    assert running.api("GET", f"/opt-outs/{PERSON}", key).json()["opted_out"]


def test_nothing_is_left_running_when_the_supervisor_is_killed(running: Installation) -> None:
    pids = list(running.processes())
    os.kill(running.pid, signal.SIGKILL)
    wait_for(lambda: not any(is_alive(pid) for pid in pids), seconds=60)


def test_a_second_start_on_the_same_folder_is_refused_with_a_sentence(running: Installation) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "up", "--port", "1"],
        env=running.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Another Stopgate runs on the data folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_log_line_of_any_process_names_a_number(running: Installation, key: str, fake_twilio: FakeTwilio) -> None:
    running.webhook(INBOUND, stop())
    running.api("POST", "/messages", key, {"from": "+12025550100", "to": "+14155550177", "body": "Hello"})
    wait_for(lambda: len(fake_twilio.sent) == 2)
    log = running.log.read_text(encoding="utf-8")
    assert "text handed over" in log
    assert "4155550" not in log


def test_g9_a_worker_killed_in_the_middle_of_a_broadcast_leaves_nobody_out_and_texts_nobody_twice(
    running: Installation, key: str, fake_twilio: FakeTwilio
) -> None:
    people = [f"+1415555{number:04d}" for number in range(120)]
    running.api("POST", "/audiences", key, {"id": "news", "from": "+12025550100"})
    assert running.api("POST", "/audiences/news/members", key, {"numbers": people}).json()["counts"] == {"joined": 120}
    body = {"audience": "news", "body": "Acme: book fair. Reply STOP to opt out."}
    path = f"/broadcasts/{running.api('POST', '/broadcasts', key, body).json()['id']}"
    assert running.api("POST", f"{path}/start", key, {}).status_code == 202
    for enough, queue in ((1, "default"), (5, "bulk"), (60, "bulk"), (61, "default")):
        wait_for(lambda enough=enough: len(fake_twilio.sent) >= enough)
        os.kill(running.find(f"worker --queue {queue}"), signal.SIGKILL)

    def is_over() -> Any:
        found = running.api("GET", path, key).json()
        # A worker that died during the carrier's call leaves a text of which nobody knows: it counts as waiting until
        # its lease is over, and is never sent again.
        return (
            found if found["counts"]["waiting"] <= 3 and found["members"] == 120 and found["progress"] > 0.97 else None
        )

    ended = wait_for(is_over, seconds=90)
    texted = [message["To"] for message in fake_twilio.sent]
    assert len(texted) == len(set(texted))
    assert len(texted) >= 120 - ended["counts"]["waiting"]
    assert sum(ended["counts"].values()) == 120
