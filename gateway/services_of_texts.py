"""The part of the composition root that is about texts: consent, what comes in and goes out, and who is told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import redis

from gateway.carriers.base import Carrier
from gateway.clock import Clock
from gateway.consent import Consent
from gateway.conversations import Conversations
from gateway.event_delivery import EventDelivery
from gateway.events import Events
from gateway.guarded_http import GuardedHttp
from gateway.inbound import Inbound
from gateway.opt_out_links import OptOutLinks
from gateway.outbound import Outbound
from gateway.queueing import JobQueue
from gateway.settings import Settings, derived_secret
from gateway.texts import Texts
from store import Store


@dataclass(frozen=True)
class Foundation:
    """Settings and live connections, of which everything else is put together."""

    settings: Settings
    secret_key: str
    clock: Clock
    new_id: Callable[[], str]
    store: Store
    queue_connection: "redis.Redis"
    queue: JobQueue
    carriers: Mapping[str, Carrier]


class TextServices(Foundation):
    """Texts and consent: what comes in, what goes out, who is told."""

    @cached_property
    def consent(self) -> Consent:
        """Opt-outs that do not come as texts, and checks."""
        return Consent(self.store, self.clock)

    @cached_property
    def inbound(self) -> Inbound:
        """Texts that come in."""
        return Inbound(self.store, self.queue, self.clock)

    @cached_property
    def opt_out_links(self) -> OptOutLinks:
        """Links by which people opt out."""
        secret = derived_secret(self.secret_key, "opt-out links")
        return OptOutLinks(self.store, self.clock, self.consent, secret=secret, public_url=self.settings.public_url)

    @cached_property
    def events(self) -> Events:
        """What happens, for programs that want to know."""
        return Events(self.store, self.queue, self.clock)

    @cached_property
    def event_delivery(self) -> EventDelivery:
        """Telling endpoints of events."""
        allowed = self.settings.events_private
        http = GuardedHttp(private_allowed=allowed)
        return EventDelivery(self.store, self.queue, self.clock, http, self.new_id, private_allowed=allowed)

    @cached_property
    def outbound(self) -> Outbound:
        """Texts that go out."""
        return Outbound(
            self.store,
            self.queue,
            self.carriers,
            self.clock,
            self.new_id,
            _status_url(self.settings),
            self.opt_out_links.filled,
            self.events.expect_status,
        )

    @cached_property
    def texts(self) -> Texts:
        """All texts of accounts."""
        return Texts(self.store)

    @cached_property
    def conversations(self) -> Conversations:
        """Texts with one number, and what a colleague does in them."""
        return Conversations(self.store, self.outbound, self.queue, self.clock, self.new_id)


def _status_url(settings: Settings) -> Callable[[str, str], str]:
    """Where reports about a message are to go: our id is in the address, so that none has to be guessed."""

    def status_url(carrier: str, message_id: str) -> str:
        return f"{settings.public_url}/webhooks/{carrier}/status?m={message_id}" if settings.public_url else ""

    return status_url
