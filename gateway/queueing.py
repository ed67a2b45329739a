"""Job queues: their names, how jobs get in, and the worker that takes them out.

RQ alone loses or repeats jobs in some crashes (measured, see README.md): a job here is only a nudge that an effect
is waiting in the outbox. Losing one costs seconds (the sweeper nudges again); doing one twice costs nothing (whatever
does an effect is safe to repeat: the gate, for example, hands a message over once).

An effect is "<kind>:<id>", as it stands in the outbox. Ids name no phone number: they stand in logs and in RQ's keys.
"""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import Any

import redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from gateway.logs import logger

log = logger(__name__)

REPLIES, DEFAULT, BULK, LISTS, EVENTS = "replies", "default", "bulk", "lists", "events"
QUEUES = (REPLIES, DEFAULT, BULK, LISTS, EVENTS)
"""Replies before API messages before broadcasts; beside them files of lists, and events for customers' servers, which
may be slow. Each has worker processes of its own: RQ loses the job that a worker on two queues had taken when it died,
and a full queue never holds up a reply."""

SEND = "send"
"""The kind of effect that hands a message over; its id is the message's."""

_JOB = "gateway.jobs.effects.do"
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_-]")

QUEUE_OF_KIND = {"transactional": DEFAULT, "broadcast": BULK}
"""Queue of a kind of message; everything else answers a person and goes first."""

_JOB_TIMEOUT = 60
# A file is worked on for as long as it takes; a worker that dies is told by the lease of the file, not by this.
_LISTS_TIMEOUT = 24 * 3600
_RESULT_KEPT = 60
_FAILURE_KEPT = int(timedelta(days=7).total_seconds())
# An idle worker does its housekeeping this often; RQ's default is seven minutes.
_WORKER_TTL = 20
_MAINTENANCE = 10
_MOST_AT_ONCE = 200

# Who does each kind of effect: RQ calls jobs by name, so there is no other way to hand it over.
doers_of_worker: ContextVar[Mapping[str, Callable[[str], object]]] = ContextVar("doers_of_worker")


def queue_for(kind: str) -> str:
    """The queue of a kind of message."""
    return QUEUE_OF_KIND.get(kind, REPLIES)


def effect_of(kind: str, identifier: str) -> str:
    """An effect as the outbox and the queues name it."""
    return f"{kind}:{identifier}"


def job_id_of(effect: str) -> str:
    """The id of an effect's job: RQ takes letters, digits, "_" and "-"."""
    return _NOT_IN_IDS.sub("-", effect)


def parts_of(effect: str) -> tuple[str, str]:
    """The kind and the id of an effect."""
    kind, _, identifier = effect.partition(":")
    return kind, identifier


class JobQueue:
    """Puts jobs into queues, away from the request that asks for it: a thread takes what has gathered and
    enqueues it in one go. What is lost with the process is found in the outbox by the sweeper."""

    def __init__(self, connection: "redis.Redis") -> None:
        self._connection = connection
        self._waiting: SimpleQueue[tuple[str, str]] = SimpleQueue()
        self._enqueuing = threading.Lock()
        self._asked = threading.Event()
        self._started = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def submit(self, queue: str, effect: str) -> None:
        """Ask for an effect to be done. Never blocks and never fails."""
        self._waiting.put((queue, effect))
        self._asked.set()
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._started:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="job-queue", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._asked.wait()
            self._asked.clear()
            self.flush()

    def _gathered(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        while len(found) < _MOST_AT_ONCE:
            try:
                found.append(self._waiting.get_nowait())
            except Empty:
                break
        return found

    def _enqueue(self, jobs: Sequence[tuple[str, str]]) -> None:
        for name in QUEUES:
            # RQ refuses a whole batch in which an id stands twice.
            effects = list(dict.fromkeys(effect for queue, effect in jobs if queue == name))
            if effects:
                self._enqueue_in(name, effects)

    def _enqueue_in(self, name: str, effects: Sequence[str]) -> None:
        queue = Queue(name, connection=self._connection, serializer=JSONSerializer)
        try:
            # The same effect has the same job id; the description is what RQ logs, so it names no number.
            queue.enqueue_many(
                [
                    Queue.prepare_data(
                        _JOB,
                        (effect,),
                        timeout=_LISTS_TIMEOUT if name == LISTS else _JOB_TIMEOUT,
                        result_ttl=_RESULT_KEPT,
                        failure_ttl=_FAILURE_KEPT,
                        description=effect,
                        job_id=job_id_of(effect),
                    )
                    for effect in effects
                ]
            )
        except Exception as error:
            log.warning("jobs could not be queued; the sweeper will", jobs=len(effects), error=type(error).__name__)

    def flush(self) -> None:
        """Put everything that waits into the queues; when this returns, it is there or left to the sweeper."""
        with self._enqueuing:
            while jobs := self._gathered():
                self._enqueue(jobs)

    def lengths(self) -> dict[str, int]:
        """How many jobs wait in each queue. Raises redis.RedisError."""
        return {name: Queue(name, connection=self._connection).count for name in QUEUES}

    def close(self) -> None:
        """Put what waits into the queues and stop."""
        self._closing.set()
        self._asked.set()
        if self._thread is not None:
            self._thread.join(timeout=2)
        self.flush()


def work(
    connection: "redis.Redis", queue: str, doers: Mapping[str, Callable[[str], object]], *, burst: bool = False
) -> None:
    """Do the jobs of one queue until told to stop (SIGTERM), or with `burst` until it is empty.

    doers: what does each kind of effect, given its id.
    """
    doers_of_worker.set(doers)
    worker: Any = SimpleWorker(
        [Queue(queue, connection=connection, serializer=JSONSerializer)],
        connection=connection,
        serializer=JSONSerializer,
        log_job_description=False,
        worker_ttl=_WORKER_TTL,
        maintenance_interval=_MAINTENANCE,
    )
    worker.work(burst=burst, logging_level="WARNING")
