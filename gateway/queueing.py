"""Job queues: their names, how jobs get in, and the worker that takes them out.

RQ alone loses or repeats jobs in some crashes (measured, see README.md): a job here is only a nudge that an outbox
entry is waiting. Losing one costs seconds (the sweeper nudges again); doing one twice costs nothing (the gate
hands a message over once).
"""

import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import Any

import redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from gateway.logs import logger

log = logger(__name__)

REPLIES, DEFAULT, BULK = "replies", "default", "bulk"
QUEUES = (REPLIES, DEFAULT, BULK)
"""Replies before API messages before broadcasts. Each has worker processes of its own: RQ loses the job that a
worker on two queues had taken when it died, and a full bulk queue never holds up a confirmation."""

SEND = "gateway.jobs.send.send"

QUEUE_OF_KIND = {"transactional": DEFAULT, "broadcast": BULK}
"""Queue of a kind of message; everything else answers a person and goes first."""

_JOB_TIMEOUT = 60
_RESULT_KEPT = 60
_FAILURE_KEPT = int(timedelta(days=7).total_seconds())
# An idle worker does its housekeeping this often; RQ's default is seven minutes.
_WORKER_TTL = 20
_MAINTENANCE = 10
_MOST_AT_ONCE = 200

# What the worker's jobs do with a message id: RQ calls jobs by name, so there is no other way to hand it over.
hand_over_of_worker: ContextVar[Callable[[str], object]] = ContextVar("hand_over_of_worker")


def queue_for(kind: str) -> str:
    """The queue of a kind of message."""
    return QUEUE_OF_KIND.get(kind, REPLIES)


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

    def submit(self, queue: str, message_id: str) -> None:
        """Ask for a message to be sent. Never blocks and never fails."""
        self._waiting.put((queue, message_id))
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
            identifiers = list(dict.fromkeys(message_id for queue, message_id in jobs if queue == name))
            if identifiers:
                self._enqueue_in(name, identifiers)

    def _enqueue_in(self, name: str, identifiers: Sequence[str]) -> None:
        queue = Queue(name, connection=self._connection, serializer=JSONSerializer)
        try:
            # The same message has the same job id; the description is what RQ logs, so it names no number.
            queue.enqueue_many(
                [
                    Queue.prepare_data(
                        SEND,
                        (identifier,),
                        timeout=_JOB_TIMEOUT,
                        result_ttl=_RESULT_KEPT,
                        failure_ttl=_FAILURE_KEPT,
                        description=f"send {identifier}",
                        job_id=identifier,
                    )
                    for identifier in identifiers
                ]
            )
        except Exception as error:
            log.warning("jobs could not be queued; the sweeper will", jobs=len(identifiers), error=type(error).__name__)

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


def work(connection: "redis.Redis", queue: str, hand_over: Callable[[str], object], *, burst: bool = False) -> None:
    """Do the jobs of one queue until told to stop (SIGTERM), or with `burst` until it is empty."""
    hand_over_of_worker.set(hand_over)
    worker: Any = SimpleWorker(
        [Queue(queue, connection=connection, serializer=JSONSerializer)],
        connection=connection,
        serializer=JSONSerializer,
        log_job_description=False,
        worker_ttl=_WORKER_TTL,
        maintenance_interval=_MAINTENANCE,
    )
    worker.work(burst=burst, logging_level="WARNING")
