"""An audience for tests of broadcasts."""

from collections.abc import Sequence

from gateway.services import Services
from store.directory import Account


def with_audience(services: Services, identifier: str, name: str, sender: str, people: Sequence[str]) -> Account:
    """Acme, with an audience of people that is texted from a sender."""
    found = services.store.directory.current(fresh=True).accounts["acme"]
    services.audiences.create(found, identifier, name=name, sender=sender)
    found = services.store.directory.current(fresh=True).accounts["acme"]
    services.audiences.add(found, identifier, people)
    return found
