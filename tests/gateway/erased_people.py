"""Two people and all that is kept of them, and what the tests of erasures ask about them."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.outbound import SendRequest
from gateway.services import Services
from store.consent import Source
from store.directory import Account
from store.listed import Order, Wanted
from store.scopes import Channel
from tests.conftest import FakeClock, Jobs
from tests.webhooks import PERSON, text

Api = Callable[..., Any]
NEIGHBOUR = "+14155560100"
"""Somebody else whose number ends alike."""


@pytest.fixture
def acme(services: Services) -> Account:
    return services.store.directory.current().accounts["acme"]


def flat(value: Any) -> bytes:
    """All that is in a value, with spaces between."""
    if isinstance(value, dict):
        value = [part for pair in value.items() for part in pair]
    if isinstance(value, list | tuple | set):
        return b" ".join(sorted(map(flat, value)) if isinstance(value, set) else map(flat, value))
    return value if isinstance(value, bytes) else str(value).encode()


def everything_kept(services: Services) -> Iterator[tuple[str, bytes]]:
    """Every key of the store and all that is in it."""
    client = services.store.client
    readers: dict[bytes, Callable[[bytes], Any]] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"stream": client.xrange,
    }
    for key in client.scan_iter(count=1000):
        yield key.decode(), flat(readers[client.type(key)](key))


def traces(services: Services, number: str) -> list[str]:
    """Keys that still name a number: whole, in a packed row, or by its place in an index."""
    words = (number[1:].encode(), int(number[1:-2]).to_bytes(6))
    places = {
        f":{number[-4:]}": number[1:-4],  # gate, hold, audience
        f":{number[-5:]}": number[1:-5],  # details
        f":{number[1:-5]}": str(int(number[-5:])),  # the index of numbers
    }
    return [
        key
        for key, content in everything_kept(services)
        if number[1:] in key
        or words[0] in content
        or (key.startswith(f"{{{number[-2:]}}}") and words[1] in content)
        or any(key.endswith(end) and member.encode() in content.split() for end, member in places.items())
    ]


def drifts(services: Services) -> list[str]:
    return [str(drift) for report in services.store.verification().run() for drift in report.drifts]


def import_list(services: Services, account: Account, folder: Path, name: str, *numbers: str) -> dict[str, int]:
    file = folder / f"{name}.csv"
    file.write_text("phone\n" + "\n".join(numbers) + "\n", encoding="utf-8")
    services.imports.create(account, name, services.imports.order(account, file, actor="user ada"))
    *_, last = services.imports.run(name, file)
    return {outcome: count for outcome, count in last.record.counts.items() if count}


@pytest.fixture
def storied(
    services: Services, client: FlaskClient, acme: Account, clock: FakeClock, send_jobs: Jobs, tmp_path: Path
) -> None:
    """PERSON and NEIGHBOUR: imported, texted, in an audience; PERSON said STOP, asked again, and a colleague blocked calls."""
    import_list(services, acme, tmp_path, "first", PERSON, NEIGHBOUR)
    clock.pass_time(timedelta(seconds=1))
    services.audiences.create(acme, "news", name="", sender="")
    services.subscriptions.subscribe(acme, PERSON, "news", sender="+12025550100", actor="a")
    services.store.client.sadd("{00}:audience:acme/news:0100", PERSON[1:-4])
    list(services.imports.undo("first", source=Source.ADMIN, actor="user ada"))
    clock.pass_time(timedelta(seconds=1))
    services.outbound.accept(acme, SendRequest("+12025550100", PERSON, "Book fair on Saturday."))
    send_jobs()
    clock.pass_time(timedelta(seconds=1))
    text(client, "Please STOP, says Ann Example", MessageSid="SM" + "3" * 32)
    send_jobs()
    services.consent.opt_out(
        acme, PERSON, source=Source.ADMIN, actor="user ada", channels=[Channel.VOICE], note="Ann called"
    )
    services.consent.opt_out(acme, NEIGHBOUR, source=Source.ADMIN, actor="user ada")
    services.store.listing.page("acme", Wanted(), Order(by_number=True), limit=5)
    clock.pass_time(timedelta(seconds=1))


def erase(services: Services, account: Account, **wishes: Any) -> Any:
    return services.erasure.erase(account, PERSON, source=Source.ADMIN, actor="user ada", reason="request 7", **wishes)
