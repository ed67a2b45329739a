"""Imports while they run: stopped, gone on with, left by a worker that died, and told of when they end."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.import_jobs import IMPORT
from gateway.imports import TakenOver
from gateway.queueing import effect_of
from gateway.services import Services
from store.addresses import place_of
from tests.conftest import FakeClock
from tests.gateway.conftest import Upload
from tests.gateway.test_imports_api import OTHER, PERSON, counts


def test_an_import_stops_between_blocks_and_goes_on_where_it_was(
    services: Services, api: Any, work: Any, tmp_path: Path
) -> None:
    acme = services.store.directory.current().accounts["acme"]
    numbers = "\n".join(f"+1415556{number:04d}" for number in range(35))
    (tmp_path / "list.csv").write_text(f"phone\n{numbers}\nn/a\n", encoding="utf-8")
    made = services.import_jobs.submit(acme, tmp_path / "list.csv", actor="ann", name="list.csv", rows_in_block=10)
    path = f"/imports/{made.id}"
    running = services.imports.run(made.id, tmp_path / "list.csv", token="worker")
    assert next(running).record.rows == 10
    assert api("POST", f"{path}/stop")[1]["stopping"]
    assert api("POST", f"{path}/resume")[1]["code"] == "import_over"
    *_, last = running
    assert (last.record.status, last.record.rows) == ("stopped", 20)
    assert api("POST", f"{path}/resume")[1]["status"] == "queued"
    work()
    _, done = api("GET", path)
    assert (done["status"], done["counts"]) == ("finished", counts(opted_out=35, invalid=1))
    assert api("POST", f"{path}/stop")[1]["code"] == "import_over"
    assert api("POST", f"{path}/resume")[1]["code"] == "import_over"


def test_what_waits_for_a_worker_stops_at_once(upload: Upload, api: Any, work: Any) -> None:
    _, made = upload(f"phone\n{PERSON}\n")
    path = f"/imports/{made['id']}"
    assert api("POST", f"{path}/stop")[1]["status"] == "stopped"
    work()
    assert api("GET", path)[1]["rows"] == 0
    assert api("POST", f"{path}/resume")[1]["status"] == "queued"
    work()
    assert api("GET", path)[1]["counts"] == counts(opted_out=1)


def test_a_worker_that_was_silent_for_too_long_counts_no_row_twice(
    services: Services, clock: FakeClock, api: Any, work: Any, tmp_path: Path
) -> None:
    acme = services.store.directory.current().accounts["acme"]
    numbers = "\n".join(f"+1415556{number:04d}" for number in range(35))
    (tmp_path / "list.csv").write_text(f"phone\n{numbers}\n", encoding="utf-8")
    made = services.import_jobs.submit(acme, tmp_path / "list.csv", actor="ann", name="list.csv", rows_in_block=10)
    silent = services.imports.run(made.id, tmp_path / "list.csv", token="silent")
    next(silent)
    clock.pass_time(timedelta(minutes=1))
    work()
    with pytest.raises(TakenOver):
        next(silent)
    assert api("GET", f"/imports/{made.id}")[1]["counts"] == counts(opted_out=35)


def test_while_one_worker_has_an_import_another_leaves_it_alone_and_takes_it_when_the_lease_is_over(
    services: Services, clock: FakeClock, upload: Upload, api: Any, work: Any
) -> None:
    _, made = upload(f"phone\n{PERSON}\n")
    assert services.store.imports.hold(made["id"], "a worker that died", clock.now(), timedelta(seconds=30))
    work()
    assert api("GET", f"/imports/{made['id']}")[1]["status"] == "queued"
    effect = effect_of(IMPORT, made["id"])
    assert services.store.client.zscore(f"{{{place_of(made['id']).shard}}}:outbox", effect) is not None
    clock.pass_time(timedelta(seconds=31))
    work()
    assert api("GET", f"/imports/{made['id']}")[1]["status"] == "finished"
    assert services.store.client.zscore(f"{{{place_of(made['id']).shard}}}:outbox", effect) is None


def test_a_file_that_is_no_longer_kept_ends_the_import_in_words(
    services: Services, upload: Upload, api: Any, work: Any
) -> None:
    _, made = upload(f"phone\n{PERSON}\n")
    for key in services.store.client.scan_iter("{upload:*"):
        services.store.client.delete(key)
    work()
    _, failed = api("GET", f"/imports/{made['id']}")
    assert (failed["status"], failed["problem"]) == (
        "failed", "The uploaded file is no longer kept. Upload it again; what was done stays done.",
    )  # fmt: skip


def test_uploads_are_forgotten_some_days_after_their_import_ended(
    services: Services, upload: Upload, work: Any
) -> None:
    upload(f"phone\n{PERSON}\n")
    (key,) = services.store.client.scan_iter("{upload:*")
    assert 29 * 86400 < services.store.client.ttl(key) <= 30 * 86400
    work()
    assert 6 * 86400 < services.store.client.ttl(key) <= 7 * 86400


def test_an_import_whose_worker_dies_again_and_again_ends(
    services: Services, clock: FakeClock, upload: Upload, api: Any, work: Any
) -> None:
    _, made = upload(f"phone\n{PERSON}\n")
    services.store.imports.change(made["id"], clock.now(), {"attempts": 6, "status": "running"})
    work()
    _, failed = api("GET", f"/imports/{made['id']}")
    assert (failed["status"], failed["problem"][:23]) == ("failed", "Its worker died 6 times")
    assert api("POST", f"/imports/{made['id']}/resume")[0] == 202
    work()
    assert api("GET", f"/imports/{made['id']}")[1]["status"] == "finished"


def test_a_repeated_upload_with_its_idempotency_key_is_one_import(upload: Upload, api: Any) -> None:
    first = upload(f"phone\n{PERSON}\n", headers={"Idempotency-Key": "list-1"})
    assert upload(f"phone\n{PERSON}\n", headers={"Idempotency-Key": "list-1"}) == first
    assert len(api("GET", "/imports")[1]["items"]) == 1
    status, refused = upload(f"phone\n{OTHER}\n", headers={"Idempotency-Key": "list-1"})
    assert (status, refused["code"]) == (409, "idempotency_key_reused")


def test_imports_are_listed_newest_first_in_pages(upload: Upload, api: Any, clock: FakeClock) -> None:
    made = []
    for number in range(5):
        made.append(upload(f"phone\n+1415555010{number}\n")[1]["id"])
        clock.pass_time(timedelta(milliseconds=number % 2))
    seen, cursor = [], ""
    while cursor is not None:
        _, page = api("GET", f"/imports?limit=2{cursor and f'&cursor={cursor}'}")
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
    assert sorted(seen) == sorted(made)
    assert len(seen) == 5


def test_programs_are_told_when_an_import_has_ended(services: Services, upload: Upload, api: Any, work: Any) -> None:
    _, made = upload(f"phone\n{PERSON}\nn/a\n")
    work()
    api("POST", f"/imports/{made['id']}/undo")
    work()
    told = [event for event in api("GET", "/events?limit=50")[1]["items"] if event["type"] == "import_finished"]
    assert [(event["data"]["status"], event["data"]["counts"]) for event in told] == [
        ("finished", {"opted_out": 1, "invalid": 1}),
        ("undone", {"opted_out": 1, "invalid": 1}),
    ]
