"""A Postgres of a bench's own: Debian's postgresql-15, in a temporary folder, on a private socket."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
# Generous memory for its caches, everything else (fsync and synchronous_commit above all) as it comes.
_OPTIONS = (
    "-c shared_buffers=2GB -c work_mem=256MB -c maintenance_work_mem=1GB -c max_wal_size=8GB -c listen_addresses="
)


class Postgres:
    """A running server, while the context lasts. Raises FileNotFoundError when postgresql-15 is not installed."""

    def __init__(self) -> None:
        if not _PROGRAMS.exists():
            raise FileNotFoundError("postgresql-15 is not installed: apt-get install postgresql-15")
        self._folder = Path(tempfile.mkdtemp(prefix="bench-postgres-"))

    def __enter__(self) -> "Postgres":
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        data = self._folder / "data"
        self._as_postgres([str(_PROGRAMS / "initdb"), "-D", str(data), "-A", "trust", "-U", "bench", "--no-sync"])
        options = f"{_OPTIONS} -c unix_socket_directories={self._folder}"
        self._as_postgres(
            [str(_PROGRAMS / "pg_ctl"), "-D", str(data), "-w", "-l", str(self._folder / "log"), "-o", options, "start"]
        )
        self._program = [
            "psql",
            "-h",
            str(self._folder),
            "-U",
            "bench",
            "-d",
            "postgres",
            "-qAtX",
            "-v",
            "ON_ERROR_STOP=1",
        ]
        return self

    def _as_postgres(self, command: list[str]) -> None:
        prefix = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        subprocess.run([*prefix, *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/")

    def run(self, sql: str) -> str:
        """Run statements and return what they print."""
        done = subprocess.run(self._program, input=sql.encode(), check=True, capture_output=True)
        return done.stdout.decode()

    def run_with_rows(self, before: str, copy: str, rows: Iterable[str], after: str) -> str:
        """Run statements, COPY rows (lines without newline) in, run more, and return what was printed; one session."""
        text = "\n".join(rows)
        return self.run(f"{before}\n{copy}\n{text}\n\\.\n{after}\n")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._as_postgres([str(_PROGRAMS / "pg_ctl"), "-D", str(self._folder / "data"), "-m", "immediate", "stop"])
        shutil.rmtree(self._folder, ignore_errors=True)
