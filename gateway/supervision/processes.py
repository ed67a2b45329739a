"""Child processes that are restarted when they die and end when we end, however we end."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.logs import logger

log = logger(__name__)

_PR_SET_PDEATHSIG = 1
# A process that dies young is given a moment more each time, so that a lasting fault does not spin.
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
_LIVED_LONG = 30.0
_GRACE = 20.0


def die_with_parent() -> None:
    """Make the kernel end this process when its parent dies, even by SIGKILL (Linux; nothing elsewhere)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A process to keep running: its name in the log, its command, and what it adds to the environment."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


def command_of(*arguments: str) -> list[str]:
    """The command that runs `stopgate` with this very Python."""
    return [sys.executable, "-m", "gateway.cli", *arguments]


class Supervisor:
    """Keeps a set of processes running until it is told to stop.

    Used as a context manager. A process that ends is started again; stopping sends SIGTERM to all, in the
    reverse order of their start, and SIGKILL to those that do not end within the grace.
    """

    def __init__(self, specs: Sequence[ProcessSpec]) -> None:
        self._specs = list(specs)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, float] = {}
        self._deaths: dict[str, int] = {}
        self._due: dict[str, float] = {}
        self.stopping = threading.Event()

    def __enter__(self) -> "Supervisor":
        for spec in self._specs:
            self._start(spec)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self, spec: ProcessSpec) -> None:
        # A thread-free child at this point: preexec_fn is safe and the only way to set the death signal.
        self._running[spec.name] = subprocess.Popen(  # noqa: S603 (our own commands)
            list(spec.command),
            env={**os.environ, **spec.environment},
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
            process_group=0,
        )
        self._started[spec.name] = time.monotonic()

    def watch(self) -> None:
        """Restart what dies, until `stop` is asked for (by a signal handler or another thread)."""
        while not self.stopping.wait(0.2):
            for spec in self._specs:
                self._look_after(spec)

    def _look_after(self, spec: ProcessSpec) -> None:
        now = time.monotonic()
        if spec.name in self._due:
            if now >= self._due[spec.name]:
                del self._due[spec.name]
                self._start(spec)
            return
        code = self._running[spec.name].poll()
        if code is None:
            return
        lived = now - self._started[spec.name]
        deaths = 0 if lived > _LIVED_LONG else self._deaths.get(spec.name, 0) + 1
        self._deaths[spec.name] = deaths
        pause = _PAUSES[min(deaths, len(_PAUSES) - 1)]
        log.warning("a process ended and is started again", process=spec.name, code=code, pause=pause)
        self._due[spec.name] = now + pause

    def ask_to_stop(self) -> None:
        """Make `watch` return. Safe in a signal handler."""
        self.stopping.set()

    def stop(self) -> None:
        """End all processes and wait for them."""
        self.stopping.set()
        running = [self._running[spec.name] for spec in reversed(self._specs) if spec.name in self._running]
        for process in running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _GRACE
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
