"""A whole Stopgate in processes of its own, to be used over HTTP and killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from tests.conftest import ACCOUNT_SID, AUTH_TOKEN, PUBLIC_URL
from tests.webhooks import signature


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(what: Callable[[], Any], *, seconds: float = 30.0) -> Any:
    """Wait until `what` answers something true, and return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing came of {what} in {seconds} seconds")


def descendants(pid: int) -> list[int]:
    """The processes under a process, deepest last."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except FileNotFoundError:
        return []
    return [found for child in children for found in (int(child), *descendants(int(child)))]


def is_alive(pid: int) -> bool:
    """True for a process that runs (a dead one that nobody has waited for does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Installation:
    """`stopgate up` on a data folder."""

    def __init__(self, data: Path, environment: Mapping[str, str], *, twilio_url: str) -> None:
        self.data = data
        self.port = free_port()
        self.log = data.parent / f"{data.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("STOPGATE_", "TWILIO_"))},
            "STOPGATE_DATA": str(data),
            "STOPGATE_PUBLIC_URL": PUBLIC_URL,
            "STOPGATE_SIMULATOR": "on",
            "STOPGATE_CARRIER_TIMEOUT": "5",
            "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "TWILIO_API_BASE_URL": twilio_url,
            **environment,
        }

    def __enter__(self) -> "Installation":
        self.start()
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        self.kill_everything()
        if error is not None:
            print(self.log.read_text(encoding="utf-8"), file=sys.stderr)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start, and wait until it is ready."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gateway.cli", "up", "--port", str(self.port)],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        wait_for(self.is_ready, seconds=60)

    def is_ready(self) -> bool:
        """True when /readyz says so."""
        try:
            return requests.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def command(self, *arguments: str) -> str:
        """Run `stopgate` and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "gateway.cli", *arguments],
            env=self.environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def processes(self) -> dict[int, str]:
        """Every process of it and its command line."""
        found = {}
        for pid in [self.pid, *descendants(self.pid)]:
            try:
                found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except FileNotFoundError:
                continue
        return found

    def find(self, words: str) -> int:
        """The process whose command line has the words; its deepest one."""
        return max(pid for pid, command in self.processes().items() if words in command)

    def kill_everything(self) -> None:
        """SIGKILL for every process, the store's too."""
        if self._process is None:
            return
        pids = list(self.processes())
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait()
        wait_for(lambda: not any(is_alive(pid) for pid in pids))
        self._process = None

    def interrupt(self) -> int:
        """Ctrl-C; returns the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(timeout=60)
        self._process = None
        return code

    def webhook(self, path: str, form: Mapping[str, str]) -> requests.Response:
        """Post a signed webhook as Twilio does."""
        headers = {"X-Twilio-Signature": signature(path, form)}
        return requests.post(self.url + path, data=dict(form), headers=headers, timeout=20)

    def api(self, method: str, path: str, key: str, body: Any = None) -> requests.Response:
        """Call the API."""
        headers = {"Authorization": f"Bearer {key}"}
        return requests.request(method, f"{self.url}/api/v1{path}", json=body, headers=headers, timeout=20)
