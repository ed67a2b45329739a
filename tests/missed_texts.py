"""Texts that a fake Twilio got and whose webhooks never came, and a run that takes them in."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway.reconciling import Report, Request, Watch
from gateway.services import Services
from tests.conftest import FakeClock
from tests.fake_twilio import FakeTwilio
from tests.gateway.test_inbound import sid
from tests.webhooks import PERSON

SENDER = "+12025550100"
GLOBEX = "+12025550111"
SERVICE = "MG00000000000000000000000000000001"

Missed = Callable[..., str]


@pytest.fixture
def missed(fake_twilio: FakeTwilio, clock: FakeClock) -> Missed:
    """A text that Twilio got and whose webhook never came: `missed("STOP", hours=3)`. Returns its id."""
    number = iter(range(100, 10_000))

    def got(body: str, *, sender: str = SENDER, address: str = PERSON, **ago: float) -> str:
        identifier = sid(next(number))
        fake_twilio.got(identifier, sender, address, body, clock.now() - timedelta(**ago))
        return identifier

    return got


def reconcile(services: Services, watch: Watch | None = None, **changes: object) -> Report:
    """Reconcile the last day, unless `changes` say otherwise."""
    asked = {"carrier": "twilio", "since": services.clock.now() - timedelta(days=1), **changes}
    return services.reconciliation.reconciler.reconcile(Request(**asked), watch)  # type: ignore[arg-type]
