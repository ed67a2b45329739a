"""Jobs on real RQ workers: one queue each, JSON, lost jobs found again, doubled jobs harmless."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from rq import Queue
from rq.serializers import JSONSerializer

from gateway.outbound import SendRequest
from gateway.queueing import BULK, DEFAULT, EVENTS, LISTS, QUEUES, REPLIES, SEND, effect_of, queue_for
from gateway.services import Services
from tests.conftest import FakeClock
from tests.fake_twilio import FakeTwilio
from tests.webhooks import PERSON

WORKER = """
import os, signal, sys
from gateway.queueing import work
from gateway.services import build
from gateway.settings import load_settings

services = build(load_settings())
hand_over = services.outbound.hand_over if sys.argv[2] == "live" else lambda _: os.kill(os.getpid(), signal.SIGKILL)
work(services.queue_connection, sys.argv[1], {"send": hand_over}, burst=sys.argv[2] == "live")
"""


def run_worker(environment: dict[str, str], queue: str, manner: str) -> int:
    """A worker in a process of its own: "live" works until its queue is empty, "dying" dies with its first job."""
    command = [sys.executable, "-c", WORKER, queue, manner]
    return subprocess.run(command, env={**os.environ, **environment}, timeout=60, check=False).returncode


@pytest.fixture
def accepted(services: Services) -> str:
    acme = services.store.directory.current().accounts["acme"]
    return services.outbound.accept(acme, SendRequest("+12025550100", PERSON, "Hello")).id


def queue(services: Services, name: str) -> Any:
    return Queue(name, connection=services.queue_connection, serializer=JSONSerializer)


def test_a_job_that_died_with_the_worker_that_took_it_is_finished_after_a_sweep(
    services: Services, environment: dict[str, str], accepted: str, clock: FakeClock, fake_twilio: FakeTwilio
) -> None:
    """RQ alone loses such a job, or keeps it for minutes."""
    services.queue.flush()
    assert run_worker(environment, DEFAULT, "dying") == -signal.SIGKILL
    assert run_worker(environment, DEFAULT, "live") == 0
    assert fake_twilio.sent == []  # the queue has forgotten it
    clock.pass_time(timedelta(seconds=6))
    assert services.sweeper.sweep() == 1
    services.queue.flush()
    assert run_worker(environment, DEFAULT, "live") == 0
    assert len(fake_twilio.sent) == 1
    clock.pass_time(timedelta(hours=1))
    assert services.sweeper.sweep() == 0


def test_a_job_queued_many_times_sends_once(
    services: Services, environment: dict[str, str], accepted: str, fake_twilio: FakeTwilio
) -> None:
    for _ in range(5):
        services.queue.submit(DEFAULT, effect_of(SEND, accepted))
        services.queue.submit(DEFAULT, effect_of(SEND, accepted))
        services.queue.flush()
    assert queue(services, DEFAULT).count >= 5
    run_worker(environment, DEFAULT, "live")
    assert len(fake_twilio.sent) == 1


def test_a_job_is_json_has_the_messages_id_and_names_no_number(services: Services, accepted: str) -> None:
    services.queue.flush()
    (job,) = queue(services, DEFAULT).jobs
    assert (job.id, job.args) == (f"send-{accepted}", [f"send:{accepted}"])
    assert job.func_name == "gateway.jobs.effects.do"
    assert "4155550100" not in job.description
    stored = services.queue_connection.hgetall(f"rq:job:send-{accepted}")
    assert not any(b"4155550100" in value for value in stored.values())


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("confirmation", REPLIES),
        ("help", REPLIES),
        ("welcome_back", REPLIES),
        ("transactional", DEFAULT),
        ("broadcast", BULK),
    ],
)
def test_answers_to_people_do_not_wait_behind_other_texts(kind: str, name: str) -> None:
    assert queue_for(kind) == name
    assert QUEUES == (REPLIES, DEFAULT, BULK, LISTS, EVENTS)


def test_a_queue_that_cannot_be_reached_loses_nothing(
    services: Services, clock: FakeClock, fake_twilio: FakeTwilio
) -> None:
    services.queue._connection.connection_pool.connection_kwargs["path"] = "/nowhere/socket"
    services.queue._connection.connection_pool.disconnect()
    acme = services.store.directory.current().accounts["acme"]
    services.outbound.accept(acme, SendRequest("+12025550100", PERSON, "Hello"))
    services.queue.flush()
    clock.pass_time(timedelta(seconds=6))
    assert services.sweeper.sweep() == 1
