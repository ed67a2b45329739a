"""Erasing a person: their data goes, the block stays as a keyed hash and is honoured (regulation GD-1 to GD-4).

docs/erasure.md says what remains and why. Everything here may be repeated: an erasure that was cut off is begun again.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.consent import Consent
from gateway.errors import NotAllowed
from gateway.reviewing import Reviews
from store import Store
from store.consent import Source
from store.directory import Account

Eraser = Callable[[Account, str], Mapping[str, int]]
"""Erases what one part of Stopgate keeps of a number in an account; answers what and how much. Safe to repeat."""

_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did.

    counts: by kind, what was erased ("texts", "journal_entries", ...). blocks: how many opt-outs stay, under the
    pseudonym.
    """

    counts: Mapping[str, int]
    blocks: int


class Erasure:
    """Erases persons. erasers: of the parts that keep more of a number than texts and consent, such as contacts."""

    def __init__(
        self, store: Store, consent: Consent, reviews: Reviews, clock: Clock, erasers: Sequence[Eraser] = ()
    ) -> None:
        self._store = store
        self._consent = consent
        self._reviews = reviews
        self._clock = clock
        self._erasers = erasers

    def erase(
        self, account: Account, number: str, *, source: Source, actor: str, reason: str = "", block: bool = False
    ) -> Erased:
        """Erase a number in one account.

        A text of theirs that still waits for a person counts as an opt-out: nobody can read it any more.

        Args:
            account: whose data.
            number: in E.164 form.
            source: what kind of actor.
            actor, reason: who and why, for the journal. Not the person's name: it stays.
            block: opt the number out first, so that it is not texted again when it comes back with another list.

        Raises:
            NotAllowed: reason_too_long.
            StoreError: some may have been erased; repeating completes it.
        """
        if len(reason) > _LONGEST_REASON:
            raise NotAllowed("reason_too_long", f"The reason is longer than {_LONGEST_REASON} characters.")
        # Audiences may have been named since the caller read the account.
        directory = self._store.directory.current(fresh=True)
        account = directory.accounts.get(account.id, account)
        if block:
            self._consent.opt_out(account, number, source=source, actor=actor)
        self._decide_held(account, number, actor)
        counts: Counter[str] = Counter()
        for eraser in self._erasers:
            counts.update(eraser(account, number))
        senders = [sender.address for sender in account.senders]
        blocks = self._of_owner(account.id, number, senders, account.audiences, actor, reason, counts)
        # What is kept for a whole sender belongs to the account when nobody else has that sender (G8).
        for sender in senders:
            if len(directory.by_sender.get(sender, ())) == 1:
                blocks += self._of_owner(f"@{sender}", number, [sender], (), actor, reason, counts)
        self._store.erasure.rewrite_logs()
        return Erased(dict(counts), blocks)

    def erase_everywhere(self, number: str, *, actor: str, reason: str = "", block: bool = False) -> Erased:
        """Erase a number in the whole installation: every account, shared senders, the operator's own list.

        Raises as `erase` does.
        """
        accounts = self._store.directory.current(fresh=True).accounts
        counts: Counter[str] = Counter()
        blocks = 0
        for account in accounts.values():
            done = self.erase(account, number, source=Source.ADMIN, actor=actor, reason=reason, block=block)
            counts.update(done.counts)
            blocks += done.blocks
        for owner in self._store.erasure.owners(number):
            if owner not in accounts:
                blocks += self._of_owner(owner, number, [owner.removeprefix("@")], (), actor, reason, counts)
        counts["unrouted_texts"] += self._store.erasure.forget_unrouted(number)
        self._store.erasure.rewrite_logs()
        return Erased(dict(counts), blocks)

    def _of_owner(
        self,
        owner: str,
        number: str,
        senders: Sequence[str],
        audiences: Sequence[str],
        actor: str,
        reason: str,
        counts: Counter[str],
    ) -> int:
        journal = self._store.erasure.erase_journal(
            number, owner, now=self._clock.now(), detail={"actor": actor, "reason": reason}
        )
        counts["journal_entries"] += journal.entries
        counts["texts"] += self._store.erasure.erase_texts(
            number, owner, senders=senders, audiences=audiences, more=journal.messages
        )
        return journal.blocks

    def _decide_held(self, account: Account, number: str, actor: str) -> None:
        if not self._store.consent.is_held(number, account.id):
            return
        for text in self._store.reviews.waiting_of(account.id, number):
            self._reviews.decide(account, text, "opt_out", actor=actor, reason="erased before anybody had read it")
