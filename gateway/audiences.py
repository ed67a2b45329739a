"""Audiences: what they are, who is in them, and how many of those may be texted."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.account_scopes import scopes_for
from gateway.audience_names import name_audience
from gateway.audience_scopes import covering_scopes, only_sender
from gateway.clock import Clock
from gateway.errors import NotAllowed
from gateway.opt_out_reasons import Reason, reasons
from store import Store
from store.audience_members import MemberPage
from store.audience_records import AudienceRecord
from store.details import unpack
from store.directory import Account
from store.journal import Source
from store.scopes import Channel, Scope

MOST_MEMBERS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Audience:
    """An audience and how many numbers are in it, suppressed ones too. in_use: keywords of the account name it."""

    record: AudienceRecord
    members: int
    in_use: bool


@dataclass(frozen=True, slots=True)
class Added:
    """What came of a number that was to join: joined, already_member or opted_out with its reason."""

    number: str
    outcome: str
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Members that are not texted, and why: reason opted_out with scope and source, or held (broadcasts wait)."""

    reason: str
    scope: str
    source: str
    count: int


@dataclass(frozen=True, slots=True)
class SendingAudience:
    """Who of an audience would get a text now."""

    members: int
    sendable: int
    suppressed: Sequence[Suppressed]
    sender: str


class Audiences:
    """Audiences of all accounts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def all(self, account: Account) -> list[Audience]:
        """The audiences of an account, by id. Raises StoreError."""
        account = self._fresh(account)
        records = self._store.audience_records.all(account.id)
        used = _used(account)
        sizes = self._store.audience_members.sizes(account.id, account.audiences)
        return [
            Audience(records.get(name) or _bare(account, name), size, name in used)
            for name, size in sizes.items()
            if size or name in used or not _is_removed(records.get(name))
        ]

    def get(self, account: Account, identifier: str) -> Audience:
        """One audience. Raises NotAllowed: not_found; StoreError."""
        account = self._fresh(account)
        record = self._store.audience_records.get(account.id, identifier)
        used = identifier in _used(account)
        size = self._store.audience_members.sizes(account.id, [identifier])[identifier]
        # One that was removed is there again when somebody joined it since.
        if identifier not in account.audiences or (_is_removed(record) and not used and not size):
            raise NotAllowed("not_found", "There is no audience with this id.")
        return Audience(record or _bare(account, identifier), size, used)

    def create(self, account: Account, identifier: str, *, name: str, sender: str) -> tuple[Audience, bool]:
        """Make an audience, or give the one that is there; the second value says whether it is new.

        Raises:
            NotAllowed: unknown_sender; audience_exists when it is there and is another.
            StoreError: it is unknown whether it was made; repeating is safe.
        """
        self._check_sender(account, sender)
        try:
            known = self.get(account, identifier)
        except NotAllowed:
            known = None
        now = self._clock.now()
        wanted = AudienceRecord(identifier, account.id, name or identifier, sender, now, now)
        if known is not None:
            if (known.record.name, known.record.sender) != (wanted.name, wanted.sender):
                raise NotAllowed("audience_exists", "There is an audience with this id. Change that one instead.")
            return known, False
        self._store.audience_records.save(wanted)
        name_audience(self._store, account, identifier)
        return self.get(account, identifier), True

    def change(self, account: Account, identifier: str, *, name: str | None, sender: str | None) -> Audience:
        """Change what an audience is called or texted from.

        Raises:
            NotAllowed: not_found or unknown_sender.
            StoreError: it is unknown whether it was changed; repeating is safe.
        """
        record = self.get(account, identifier).record
        self._check_sender(account, sender or "")
        changed = replace(
            record,
            name=record.name if name is None else name,
            sender=record.sender if sender is None else sender,
            updated_at=self._clock.now(),
        )
        self._store.audience_records.save(changed)
        return self.get(account, identifier)

    def remove(self, account: Account, identifier: str) -> int:
        """Remove an audience: everybody leaves it. Opt-outs from it stay, should it be made again.

        Returns:
            how many left.

        Raises:
            NotAllowed: not_found; audience_in_use by a keyword that would fill it again.
            StoreError: some have left; repeating completes it.
        """
        audience = self.get(account, identifier)
        if audience.in_use:
            raise NotAllowed("audience_in_use", "A keyword of the account names this audience. Take the keyword away.")
        for numbers in self._store.audience_members.blocks_of(account.id, identifier):
            self._store.audiences.leave_many(numbers, account.id, [identifier])
        self._store.audience_records.save(replace(audience.record, removed=True, updated_at=self._clock.now()))
        return audience.members

    def members(self, account: Account, identifier: str, *, limit: int, after: str = "") -> MemberPage:
        """Some members, in the order of their last digits. Raises NotAllowed: not_found; StoreError."""
        self.get(account, identifier)
        return self._store.audience_members.page(account.id, identifier, limit=limit, after=after)

    def add(self, account: Account, identifier: str, numbers: Sequence[str]) -> list[Added]:
        """Put numbers into an audience; whoever is opted out does not join (G5, seed 002).

        Args:
            account, identifier: which audience.
            numbers: in E.164 form.

        Raises:
            NotAllowed: not_found.
            StoreError: some may have joined; repeating is safe.
        """
        scopes = covering_scopes(account, identifier, self.get(account, identifier).record)
        outcomes = self._store.audiences.join_many(account.id, identifier, numbers, scopes)
        blocked = [number for number, outcome in zip(numbers, outcomes, strict=True) if outcome == "blocked"]
        why = reasons(self._store, blocked, scopes)
        return [
            Added(number, "opted_out", why.get(number)) if outcome == "blocked" else Added(number, outcome)
            for number, outcome in zip(numbers, outcomes, strict=True)
        ]

    def leave(self, account: Account, identifier: str, number: str) -> bool:
        """Take a number out; False when it was not in it. Raises NotAllowed: not_found; StoreError."""
        self.get(account, identifier)
        return self._store.audiences.leave(number, account.id, identifier)

    def sendable(self, account: Account, identifier: str, *, sender: str | None = None) -> SendingAudience:
        """How many of an audience may be texted now, and why the others may not (seed 000: the "Send Audience").

        Args:
            account, identifier: which audience.
            sender: what it would be texted from; else its own sender, or the account's only one. When it may be any,
                blocks of single senders are not counted.

        Raises:
            NotAllowed: not_found or unknown_sender.
            StoreError: there is no answer.
        """
        audience = self.get(account, identifier)
        self._check_sender(account, sender or "")
        sender = sender or only_sender(account, audience.record)
        scopes = scopes_for(account, sender, identifier)
        counts: Counter[tuple[str, str, str]] = Counter()
        members = self._store.audience_members
        blocked: set[str] = set()
        for hits in members.blocked(account.id, identifier, scopes):
            counts.update(self._by_source(hits))
            blocked.update(number for number, _ in hits)
        for held in members.blocked(account.id, identifier, [Scope.of_account(account.id)], held=True):
            only_held = [number for number, _ in held if number not in blocked]
            counts["held", "account", ""] += len(only_held)
            blocked.update(only_held)
        suppressed = [Suppressed(*what, count) for what, count in sorted(counts.items()) if count]
        # A number may come or go between two questions; the answer adds up all the same.
        size = max(members.sizes(account.id, [identifier])[identifier], len(blocked))
        return SendingAudience(size, size - len(blocked), suppressed, sender or "")

    def _by_source(self, hits: Sequence[tuple[str, Scope]]) -> Counter[tuple[str, str, str]]:
        groups: dict[Scope, list[str]] = {}
        for number, scope in hits:
            groups.setdefault(scope, []).append(number)
        counts: Counter[tuple[str, str, str]] = Counter()
        for scope, numbers in groups.items():
            for value in self._store.bulk.details(scope, numbers):
                record = unpack(value).get(Channel.TEXT)
                source = Source(record.source).label if record else "unknown"
                counts["opted_out", scope.kind.value, source] += 1
        return counts

    def _fresh(self, account: Account) -> Account:
        """The account with the audiences that were named since the caller read it."""
        return self._store.directory.current(fresh=True).accounts.get(account.id, account)

    @staticmethod
    def _check_sender(account: Account, sender: str) -> None:
        if sender and not any(known.address == sender for known in account.senders):
            raise NotAllowed("unknown_sender", f"{sender} is not a sender of this account.")


def _is_removed(record: AudienceRecord | None) -> bool:
    return record is not None and record.removed


def _used(account: Account) -> set[str]:
    return {word.audience for word in account.keywords if word.audience}


def _bare(account: Account, identifier: str) -> AudienceRecord:
    """An audience that a keyword or a request named and nobody described."""
    return AudienceRecord(identifier, account.id, identifier)
