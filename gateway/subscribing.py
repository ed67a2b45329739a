"""Joining and leaving audiences by a program's word (seed 002)."""

from dataclasses import dataclass
from datetime import timedelta

from gateway.account_scopes import scopes_for
from gateway.account_settings import setting_of
from gateway.audiences import Audiences
from gateway.clock import Clock
from gateway.errors import NotAllowed
from gateway.replies import question_of
from store import Store
from store.directory import Account
from store.inbound import Join

# So many audiences are named to somebody who named one that is not there.
_NAMED = 20


@dataclass(frozen=True, slots=True)
class Subscribed:
    """What came of a wish to join.

    status: "joined", "already_member" or "pending". word and text_to: what the person has to text, and where, when
    it is pending.
    """

    status: str
    word: str = ""
    text_to: str = ""


class Subscriptions:
    """Membership of audiences."""

    def __init__(self, store: Store, clock: Clock, audiences: Audiences) -> None:
        self._store = store
        self._clock = clock
        self._audiences = audiences

    def subscribe(self, account: Account, number: str, audience: str, *, sender: str, actor: str) -> Subscribed:
        """Put a number into an audience.

        A number that is opted out does not join: it has to confirm by a text of its own within the window
        (`confirm_window`). No question is sent to it, since it did not text first (design §4).

        Raises:
            NotAllowed: unknown_sender or unknown_audience.
            StoreError: it is unknown whether it was written; repeating is safe.
        """
        if not any(known.address == sender for known in account.senders):
            raise NotAllowed("unknown_sender", f"{sender} is not a sender of this account.")
        self._demand(account, audience)
        window = timedelta(hours=setting_of(account.settings, "confirm_window"))
        join = Join(
            account.id,
            audience,
            scopes_for(account, sender, audience),
            question_of(account.id, audience, window, asked=False),
        )
        outcome = self._store.audiences.subscribe(
            number,
            join,
            sender=sender,
            occurred_at=self._clock.now(),
            detail={"actor": actor, "audience": audience, "sender": sender},
        )
        return Subscribed("pending", audience.upper(), sender) if outcome == "asked" else Subscribed(outcome)

    def leave(self, account: Account, number: str, audience: str) -> bool:
        """Take a number out of an audience; False when it was not in it.

        Raises:
            NotAllowed: unknown_audience.
            StoreError: it is unknown whether it left; repeating is safe.
        """
        self._demand(account, audience)
        return self._store.audiences.leave(number, account.id, audience)

    def _demand(self, account: Account, audience: str) -> None:
        """Refuse an audience that nobody made: a typing mistake would gather people whom nobody texts."""
        try:
            self._audiences.get(account, audience)
        except NotAllowed:
            names = ", ".join(known.record.id for known in self._audiences.all(account)[:_NAMED]) or "none"
            raise NotAllowed(
                "unknown_audience",
                f"The account has no audience {audience!r}; it has: {names}. Make it first, or name one of these.",
            ) from None
