"""One file with everything: what each primary would send to a replica, with checksums.

Everything about one number lies on one primary, and each primary's part is of one moment, so that the file is
consistent for every number. Restoring copies key by key, so that it may go to another topology.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import redis

from store.client import store_errors
from store.errors import StoreError, StoreMisconfigured
from store.topology import Spread, Topology

_MANIFEST, _CHECKSUMS = "manifest.json", "checksums.json"
_FORMAT = 1
_CHUNK = 1 << 20
_KEYS_AT_ONCE = 200


class BackupError(StoreError):
    """A backup file that cannot be used; the text says why."""


class _Counted(io.RawIOBase):
    """What a primary sends, as a file to read: so many bytes, hashed on the way."""

    def __init__(self, socket: Any, begun: bytes, size: int) -> None:
        self._socket, self._begun, self._left = socket, begun, size
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; b"" at the end."""
        wanted = min(self._left, size if size >= 0 else self._left, _CHUNK)
        parts = []
        while wanted > 0:
            part = self._begun[:wanted] or self._socket.recv(wanted)
            if not part:
                raise redis.ConnectionError("the primary stopped sending")
            self._begun = self._begun[len(part) :]
            wanted -= len(part)
            self._left -= len(part)
            parts.append(part)
        data = b"".join(parts)
        self.digest.update(data)
        return data


def write_backup(topology: Topology, target: Path, now: datetime, keyspace: int) -> Iterator[tuple[int, int]]:
    """Write a backup; yields (primaries done, primaries). The file appears whole or not at all.

    Raises:
        StoreError: a primary could not send its part (a managed service may forbid SYNC).
        OSError: the file cannot be written.
    """
    unfinished = target.with_name(target.name + ".unfinished")
    checksums: dict[str, str] = {}
    with store_errors(), tarfile.open(unfinished, "w") as archive:
        primaries = topology.primaries()
        manifest = {"format": _FORMAT, "made": now.isoformat(), "keyspace": keyspace, "primaries": len(primaries)}
        _add(archive, _MANIFEST, manifest)
        for number, server in enumerate(primaries):
            name = f"primary-{number}.rdb"
            checksums[name] = _add_primary(archive, name, server)
            yield number + 1, len(primaries)
        _add(archive, _CHECKSUMS, checksums)
    unfinished.replace(target)


def _add(archive: tarfile.TarFile, name: str, document: object) -> None:
    data = json.dumps(document, indent=1).encode()
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def _add_primary(archive: tarfile.TarFile, name: str, server: "redis.Redis") -> str:
    pool: Any = server.connection_pool
    connection = pool.make_connection()
    try:
        connection.connect()
        connection.send_command("SYNC")
        socket = connection._sock
        line, begun = _first_line(socket)
        if not line.startswith(b"$"):
            raise StoreError(f"The store does not give a copy of itself: {line.decode('utf-8', 'replace')}")
        sent = _Counted(socket, begun, int(line[1:]))
        member = tarfile.TarInfo(name)
        member.size = int(line[1:])
        archive.addfile(member, sent)
        return sent.digest.hexdigest()
    finally:
        connection.disconnect()


def _first_line(socket: Any) -> tuple[bytes, bytes]:
    """The first line that is not empty (a primary sends empty ones while it prepares), and what came after it."""
    data = b""
    while b"\r\n" not in data.lstrip(b"\n"):
        part = socket.recv(4096)
        if not part:
            raise redis.ConnectionError("the primary closed the connection")
        data += part
    line, _, rest = data.lstrip(b"\n").partition(b"\r\n")
    return line, rest


def unpack_backup(source: Path, folder: Path) -> list[Path]:
    """Check a backup whole and put its parts into a folder. Returns them.

    Raises:
        BackupError: it is no backup, or not whole.
    """
    found: dict[str, str] = {}
    parts: list[Path] = []
    documents: dict[str, Any] = {}
    try:
        with tarfile.open(source, "r:") as archive:
            for member in archive:
                file = archive.extractfile(member)
                assert file is not None
                if member.name.endswith(".json"):
                    documents[member.name] = json.loads(file.read())
                    continue
                parts.append(folder / f"part-{len(parts)}.rdb")
                found[member.name] = _copy(file, parts[-1])
    except (tarfile.TarError, AssertionError, ValueError, EOFError) as error:
        raise BackupError(f"{source} is not a whole backup: {error}") from None
    manifest = documents.get(_MANIFEST, {})
    if manifest.get("format") != _FORMAT:
        raise BackupError(f"{source} is not a backup that this Stopgate knows.")
    if documents.get(_CHECKSUMS) != found or len(found) != manifest["primaries"]:
        raise BackupError(f"{source} is damaged: its parts are not what was written.")
    return parts


def _copy(file: IO[bytes], target: Path) -> str:
    digest = hashlib.sha256()
    with target.open("wb") as copy:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            copy.write(chunk)
    return digest.hexdigest()


def demand_empty(topology: Topology) -> None:
    """Refuse to restore over anything. Raises StoreMisconfigured."""
    with store_errors():
        if any(server.dbsize() for server in topology.primaries()):
            raise StoreMisconfigured("The store is not empty. A backup is restored into an empty one only.")


def copy_keys(source: "redis.Redis", topology: Topology) -> Iterator[int]:
    """Copy all keys of a server, with their expiry; yields how many are done.

    Raises:
        StoreError: some were copied; empty the store and begin again.
    """
    done, cursor = 0, 0
    names: Any
    while True:
        with store_errors():
            cursor, names = source.scan(cursor, count=_KEYS_AT_ONCE)
            done += _copy_some(source, topology, [name.decode() for name in names])
        yield done
        if not cursor:
            return


def _copy_some(source: "redis.Redis", topology: Topology, names: list[str]) -> int:
    if not names:
        return 0
    pipeline = source.pipeline(transaction=False)
    for name in names:
        pipeline.dump(name)
        pipeline.pexpiretime(name)
    answers = pipeline.execute()
    commands = []
    for name, value, expires in zip(names, answers[::2], answers[1::2], strict=True):
        if value is not None:
            ttl = max(0, int(expires))
            commands.append((name, ("RESTORE", name, ttl, value, "REPLACE", *(["ABSTTL"] if ttl else []))))
    for answer in Spread(topology, commands, durable=True).answers() if commands else []:
        if isinstance(answer, Exception):
            raise answer
    return len(commands)
