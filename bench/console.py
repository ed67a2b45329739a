"""Pages of the console with a million opt-outs, 200,000 texts and 20,000 contacts in the account: what one visitor waits.

    python -m bench.console [--numbers 1000000] [--texts 200000] [--rounds 15]

The server is `stopgate web` on this machine; each page is asked for over one kept-open connection, signed in as an owner.
The pages are all those that show something of the account (`gateway.console.access.PAGES`), first pages and some of one
thing, with the filters that people use.
"""

import argparse
import gc
import http.client
import os
import statistics
import time
from datetime import UTC, datetime
from urllib.parse import urlencode

from bench.contacts import made_up
from bench.lists import serving
from bench.store.numbers import random_numbers
from bench.store.parts import note, table
from bench.texts import fill as fill_texts
from gateway.console.access import COOKIE
from gateway.services import Services
from store.users import User

_CONTACTS = 20_000
_PAGES = (
    ("home", "/", {}),
    ("opt-outs, newest", "/opt-outs", {}),
    ("opt-outs, by number", "/opt-outs", {"sort": "number"}),
    ("opt-outs, oldest", "/opt-outs", {"sort": "date"}),
    ("opt-outs, a prefix", "/opt-outs", {"number": "+1202555*"}),
    ("opt-outs, a whole number", "/opt-outs", {"number": "(202) 555-0001"}),
    ("opt-outs, one source", "/opt-outs", {"source": "import"}),
    ("a number that is out", "/numbers/{blocked}", {}),
    ("a number that has texts", "/numbers/{texted}", {}),
    ("conversations", "/conversations", {}),
    ("a conversation", "/conversations/{texted}", {}),
    ("incoming texts", "/incoming", {}),
    ("incoming texts of one number", "/incoming", {"number": "{texted}"}),
    ("journal", "/journal", {}),
    ("contacts", "/contacts", {}),
    ("contacts, searched", "/contacts", {"search": "Ann"}),
    ("audiences", "/audiences", {}),
    ("an audience", "/audiences/news", {}),
    ("broadcasts", "/broadcasts", {}),
    ("imports", "/imports", {}),
    ("review queue", "/reviews", {}),
    ("keywords", "/keywords", {}),
    ("replies", "/replies", {}),
    ("settings", "/settings", {}),
    ("senders", "/senders", {}),
    ("API keys", "/api-keys", {}),
    ("events", "/events", {}),
    ("users", "/users", {}),
    ("unrouted texts", "/unrouted", {}),
    ("system", "/system", {}),
)


def _fill(services: Services, texts: int) -> dict[str, str]:
    """Texts, contacts and an owner beside the opt-outs; returns what stands for the names in the pages' addresses."""
    now = datetime.now(UTC)
    fill_texts(services.store, texts, now)
    account = services.store.directory.current().accounts["acme"]
    services.audiences.create(account, "news", name="News", sender="+15005550006")
    rows = made_up(_CONTACTS)
    for first in range(0, len(rows), 5000):
        services.contacts.take_rows(
            account, rows[first : first + 5000], audience="news", reset=False, actor="bench", batch="bench"
        )
    services.store.users.add(User("bench", "bench@example.com", "Bench", "", {"acme": "owner"}, created_at=now))
    note(f"{texts:,} texts and {_CONTACTS:,} contacts")
    return {"blocked": next(iter(random_numbers(1))), "texted": f"+1{2_000_000_000}"}


def _measure(connection: http.client.HTTPConnection, path: str, cookie: str, rounds: int) -> tuple[list[float], int]:
    taken, size = [], 0
    for _ in range(rounds):
        started = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": cookie})
        response = connection.getresponse()
        size = len(response.read())
        taken.append((time.perf_counter() - started) * 1000)
        assert response.status == 200, (path, response.status)
    return taken, size


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--numbers", type=int, default=1_000_000)
    parser.add_argument("--texts", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--port", type=int, default=8813)
    options = parser.parse_args()
    with serving(options.numbers, options.port) as (services, _):
        named = _fill(services, options.texts)
        user = services.store.users.find("bench")
        assert user is not None, "it was added"
        token = services.signing_in.begin(user, address="127.0.0.1", browser="bench")
        gc.collect()
        connection = http.client.HTTPConnection("127.0.0.1", options.port, timeout=60)
        rows = []
        for name, path, query in _PAGES:
            filled = {key: value.format(**named) for key, value in query.items()}
            address = f"/accounts/acme{path.format(**named)}{'?' if filled else ''}{urlencode(filled)}"
            taken, size = _measure(connection, address, f"{COOKIE}={token}", options.rounds)
            rows.append((name, f"{statistics.median(taken):.0f}", f"{max(taken):.0f}", f"{size / 1000:.0f}"))
    table("Pages of the console", ("page", "median ms", "worst ms", "kB"), rows)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
