"""Imports whose workers are killed at any point, and files with anything in them: the counts always add up."""

import csv
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from gateway.import_jobs import IMPORT
from gateway.queueing import LISTS, effect_of
from gateway.services import Services
from tests.processes.installation import wait_for

WORKER = """
from gateway.queueing import LISTS, work
from gateway.services import build
from gateway.settings import load_settings

services = build(load_settings())
work(services.queue_connection, LISTS, services.doers, burst=True)
"""
ROWS = 2_400


def write_list(path: Path) -> dict[str, int]:
    """A list with some of everything; returns the counts that an undisturbed import has."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["phone", "date", "channel"])
        for number in range(ROWS):
            phone = "n/a" if number % 10 == 3 else f"+1415{2_000_000 + number - number % 10 // 9:07d}"
            rows.writerow([phone, "2024-05-01", ("text", "voice", "both")[number % 3]])
    # Every tenth number stands twice, the second time in another channel: it opts out of more.
    return {"opted_out": ROWS // 10 * 9, "invalid": ROWS // 10}


@pytest.mark.processes
def test_an_import_whose_worker_is_killed_again_and_again_counts_as_if_nothing_had_happened(
    services: Services, environment: dict[str, str], api: Any, work: Any, errors: Any, tmp_path: Path
) -> None:
    expected = write_list(tmp_path / "list.csv")
    acme = services.store.directory.current().accounts["acme"]
    made = services.import_jobs.submit(acme, tmp_path / "list.csv", actor="ann", name="list.csv", rows_in_block=300)

    def blocks() -> int:
        record = services.store.imports.get(made.id)
        assert record is not None
        return record.blocks

    for kill_at in (1, 3, 5):
        services.queue.submit(LISTS, effect_of(IMPORT, made.id))
        services.queue.flush()
        worker = subprocess.Popen([sys.executable, "-c", WORKER], env={**os.environ, **environment})
        wait_for(lambda at=kill_at: blocks() >= at)
        time.sleep(0.01 * kill_at)
        worker.send_signal(signal.SIGKILL)
        assert worker.wait(timeout=30) == -signal.SIGKILL
        assert api("GET", f"/imports/{made.id}")[1]["status"] == "running"
        # The lease of the dead one is over.
        services.store.imports.change(made.id, services.clock.now(), {"holder": ""})
    work()
    _, done = api("GET", f"/imports/{made.id}")
    assert {name: count for name, count in done["counts"].items() if count} == expected
    assert (done["status"], done["rows"]) == ("finished", ROWS)
    rows = [int(row["row"]) for row in errors(made.id)]
    assert len(rows) == len(set(rows)) == ROWS // 10
    assert [drift for report in services.store.verification().run() for drift in report.drifts] == []


names = itertools.count()
cells = some.one_of(
    some.text(max_size=12),
    some.sampled_from(["+14155550100", "(415) 555-0101", "4155550102", "+442079460958", "n/a", "", "=1+1", '"', "\n", "2024-05-01", "sms", "no"]),
    some.integers(0, 40).map(lambda number: f"+1415555{number:04d}"),
)  # fmt: skip


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=some.lists(some.lists(cells, min_size=3, max_size=3), min_size=1, max_size=40),
    size=some.integers(1, 7),
    kind=some.sampled_from(["opt_outs", "contacts"]),
    dry_run=some.booleans(),
)
def test_the_counts_add_up_to_the_rows_of_any_file(
    services: Services, tmp_path: Path, rows: list[list[str]], size: int, kind: str, dry_run: bool
) -> None:
    path = tmp_path / "list.csv"
    with path.open("w", newline="", encoding="utf-8", errors="replace") as file:
        csv.writer(file).writerows([["phone", "opted out at", "channel"], *rows, ["+14155550100", "", ""]])
    acme = services.store.directory.current().accounts["acme"]
    order = services.imports.order(acme, path, actor="ann", kind=kind, rows_in_block=size, dry_run=dry_run)
    record = services.imports.create(acme, f"import{next(names)}", order)
    *_, last = services.imports.run(record.id, path)
    assert (last.record.status, last.record.rows) == ("finished", len(rows) + 1)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=some.lists(
        some.tuples(cells, some.sampled_from(["", "2024-05-01", "2030-01-01", "soon"]), some.sampled_from(["", "text", "voice"])),
        min_size=1, max_size=30,
    ),
    first=some.integers(1, 7),
)  # fmt: skip
def test_a_dry_run_foretells_what_the_import_does(
    services: Services, tmp_path: Path, rows: list[tuple[str, str, str]], first: int
) -> None:
    path = tmp_path / "list.csv"
    with path.open("w", newline="", encoding="utf-8", errors="replace") as file:
        csv.writer(file).writerows([["phone", "date", "channel"], *rows])
    acme = services.store.directory.current().accounts["acme"]
    counts = []
    for dry_run in (True, False):
        order = services.imports.order(acme, path, actor="ann", rows_in_block=first, dry_run=dry_run)
        record = services.imports.create(acme, f"import{next(names)}", order)
        *_, last = services.imports.run(record.id, path)
        counts.append(last.record.counts)
    assert counts[0] == counts[1]
