"""All texts of an account: lists with filters, newest first, and the report of what came in."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gateway.message_words import decided
from store import Store
from store.messages import Message
from store.texts import DIRECTIONS, TextFilter, TextPage

DECISIONS = ("opt_out", "opt_in", "help", "join", "reply", "none")
"""What the engine may read in a text."""

_WALKED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class TextQuery:
    """Which texts are wanted; what is empty is not looked at.

    direction: "in" or "out". number: a whole number or short code. sender: one of the account's. status: what became
    of a text out. decision: one of DECISIONS. outcome: what it did, see message_words.OUTCOMES. rule: how the id of the
    engine's row begins. contains: words in the text, large or small.
    """

    direction: str = ""
    number: str = ""
    sender: str = ""
    status: str = ""
    decision: str = ""
    outcome: str = ""
    rule: str = ""
    since: datetime | None = None
    until: datetime | None = None
    contains: str = ""

    def matches(self, message: Message) -> bool:
        """Whether a text is wanted, as far as only the text itself can tell."""
        return (
            (not self.sender or self.sender in {message.sender, message.configured_sender})
            and (not self.status or message.status == self.status)
            and (not self.contains or self.contains.casefold() in message.body.casefold())
            and (not (self.decision or self.outcome or self.rule) or self._decided_so(message))
        )

    def _decided_so(self, message: Message) -> bool:
        if message.direction != "in":
            return False
        made = decided(message)
        fits = self.decision in {"", made.action} and self.outcome in {"", made.outcome}
        return fits and made.rule.startswith(self.rule)

    def as_filter(self) -> TextFilter:
        """The query as the store takes it."""
        directions = (self.direction,) if self.direction else DIRECTIONS
        return TextFilter(directions, self.number, self.since, self.until, self.matches)


class Texts:
    """The texts of accounts."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def page(self, account: str, query: TextQuery, *, limit: int, after: str = "") -> TextPage:
        """Some texts of an account, newest first.

        Args:
            account: its id; "@" and a shared sender for texts that belong to no one account (the operator's to see).
            query: which texts.
            limit: most texts of a page. With words to look for a page may be short and go on nevertheless.
            after: `next` of the page before.

        Raises:
            StoreError: there is no answer.
            ValueError: `after` is no cursor of this list.
        """
        return self._store.texts.newest(account, query.as_filter(), limit=limit, after=after)

    def walk(self, account: str, query: TextQuery) -> Iterator[Message]:
        """All texts that are wanted, newest first, read as they are taken. Raises StoreError."""
        after = ""
        while True:
            page = self.page(account, query, limit=_WALKED_AT_ONCE, after=after)
            yield from page.items
            after = page.next
            if not after:
                return
