"""Real parts for tests: a Valkey of their own, services on it, a web client, a fake Twilio over real HTTP."""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient

from gateway.app import create_app
from gateway.clock import Clock
from gateway.services import Services, build
from gateway.settings import load_settings
from gateway.supervision.embedded import EmbeddedStore
from tests.fake_twilio import FakeTwilio

Jobs = Callable[[], list[str]]
"""The fixture send_jobs: runs what waits and says what came of each."""

ACCOUNT_SID = "AC" + "a" * 32
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
PUBLIC_URL = "https://texts.example.com"

# Two accounts with a sender of every kind; 72975 is shared by both.
DIRECTORY = """
[[accounts]]
id = "acme"
name = "Acme"
default_country = "US"
senders = [
    { address = "+15005550006", carrier = "twilio", kind = "long_code", keywords_handled_by = "carrier" },
    { address = "+12025550100", carrier = "twilio", kind = "long_code", keywords_handled_by = "gateway" },
    { address = "+18005550199", carrier = "twilio", kind = "toll_free" },
    { address = "55555", carrier = "twilio", kind = "short_code" },
    { address = "72975", carrier = "twilio", kind = "short_code" },
    { address = "ACME", carrier = "twilio", kind = "alphanumeric" },
    { address = "MG00000000000000000000000000000001", carrier = "twilio", kind = "messaging_service" },
    { address = "+12025550177", carrier = "simulator", kind = "long_code", keywords_handled_by = "gateway" },
]
[[accounts.keywords]]
word = "HOURS"
action = "reply"
reply = "Acme: open 9 to 7."

[[accounts]]
id = "globex"
name = "Globex"
senders = [
    { address = "+12025550111", carrier = "twilio", kind = "long_code", keywords_handled_by = "gateway" },
    { address = "72975", carrier = "twilio", kind = "short_code" },
]
"""


class FakeClock(Clock):
    """A clock that tests set. It starts now and stands still."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC).replace(microsecond=0)
        self.elapsed = 0.0

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        self.pass_time(timedelta(seconds=seconds))

    def pass_time(self, duration: timedelta) -> None:
        """Let time go by."""
        self.time += duration
        self.elapsed += duration.total_seconds()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """A Valkey of this test process alone: its own folder, its own socket, nothing else on it."""
    with EmbeddedStore(tmp_path_factory.mktemp("valkey"), "aof") as store:
        yield store


@pytest.fixture
def store_url(valkey: EmbeddedStore) -> str:
    """The URL of an empty Valkey."""
    client = redis.Redis.from_url(valkey.url)
    client.flushall()
    client.close()
    return valkey.url


@pytest.fixture(scope="session")
def twilio_server() -> Iterator[FakeTwilio]:
    with FakeTwilio(ACCOUNT_SID, AUTH_TOKEN) as server:
        yield server


@pytest.fixture
def fake_twilio(twilio_server: FakeTwilio) -> FakeTwilio:
    """Twilio's REST API as its documentation describes it, on this machine."""
    twilio_server.reset()
    return twilio_server


@pytest.fixture
def environment(store_url: str, fake_twilio: FakeTwilio, tmp_path: Path) -> dict[str, str]:
    """The settings of a live installation on the test's Valkey and the fake Twilio."""
    return {
        "STOPGATE_STORE_URL": store_url,
        "STOPGATE_DATA": str(tmp_path / "data"),
        "STOPGATE_SECRET_KEY": "s" * 32,
        "STOPGATE_PUBLIC_URL": PUBLIC_URL,
        "STOPGATE_SIMULATOR": "on",
        "STOPGATE_CARRIER_TIMEOUT": "1",
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_API_BASE_URL": fake_twilio.url,
    }


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def services(environment: dict[str, str], clock: FakeClock) -> Iterator[Services]:
    """Everything, built as the product builds it, with the accounts of DIRECTORY."""
    numbers = itertools.count(1)
    built = build(load_settings(environment), clock=clock, new_id=lambda: f"{next(numbers):032x}")
    built.configuration.apply(built.configuration.plan(built.configuration.read(DIRECTORY)))
    yield built
    built.close()


@pytest.fixture
def client(services: Services) -> FlaskClient:
    app = create_app(services)
    app.config.update(TESTING=True)
    return app.test_client()


@pytest.fixture
def send_jobs(services: Services) -> Jobs:
    """Run everything that waits in the outbox now, in this process, as workers would. Returns what came of it."""

    def run() -> list[str]:
        services.queue.flush()
        due = services.store.outbox.claim_due(
            services.clock.now() + timedelta(minutes=1), lease=timedelta(seconds=30), limit=1000
        )
        return [services.outbound.hand_over(effect.removeprefix("send:")) for effect in sorted(due)]

    return run


@pytest.fixture
def api(services: Services, client: FlaskClient) -> Callable[..., Any]:
    """Call the API: `api("POST", "/messages", {...}, role="send", account="acme")` -> (status, JSON)."""
    keys: dict[tuple[str, str], str] = {}

    def call(method: str, path: str, body: Any = None, *, role: str = "admin", account: str = "acme") -> Any:
        if (account, role) not in keys:
            keys[account, role] = services.store.api_keys.create(account, role, services.clock.now())
        response = client.open(
            f"/api/v1{path}", method=method, json=body, headers={"Authorization": f"Bearer {keys[account, role]}"}
        )
        return response.status_code, response.get_json(force=True, silent=True)

    return call
