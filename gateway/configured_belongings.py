"""Applying what a configuration file says belongs to accounts. What a file does not name stays, and is pointed out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.belongings import Belongings, EventAddress, Member, NamedAudience
from gateway.clock import Clock
from gateway.configuration_journal import write_down
from gateway.errors import ConfigurationError, NotAllowed
from gateway.event_delivery import EventDelivery
from gateway.users import Users
from store import Store
from store.audience_records import AudienceRecord
from store.events import Endpoint
from store.users import User


@dataclass(frozen=True, slots=True)
class Step:
    """One change that is to be made. lines: the diff; make: makes it, and says what the operator has to know."""

    lines: tuple[str, ...]
    make: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class BelongingsPlan:
    """What applying would change, and what it leaves alone although the file does not name it."""

    steps: tuple[Step, ...]
    left: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        """The diff, for people."""
        return [line for step in self.steps for line in step.lines] + list(self.left)


class ConfiguredBelongings:
    """Audiences, people and event addresses of accounts, as they stand in a file."""

    def __init__(self, store: Store, users: Users, deliveries: EventDelivery, clock: Clock) -> None:
        self._store = store
        self._users = users
        self._deliveries = deliveries
        self._clock = clock

    def of(self, account: str) -> Belongings:
        """What belongs to an account now, as a file would say it. Raises StoreError."""
        known = self._store.directory.current(fresh=True).accounts.get(account)
        records = self._store.audience_records.all(account)
        names = {*(known.named_audiences if known else ()), *(name for name in records if not records[name].removed)}
        audiences = [_audience_of(name, records.get(name)) for name in sorted(names)]
        people = [user for user in self._store.users.all() if account in user.memberships]
        endpoints = self._store.events.endpoints(account)
        return Belongings(
            account,
            tuple(audience for audience in audiences if audience is not None),
            tuple(Member(user.email, user.memberships[account], user.name) for user in _by_email(people)),
            tuple(EventAddress(each.url, each.kinds, each.active, each.note) for each in endpoints),
        )

    def plan(self, belongings: Sequence[Belongings]) -> BelongingsPlan:
        """What applying would change.

        Raises:
            ConfigurationError: an address may not be sent to.
            StoreError: it is not known.
        """
        steps: list[Step] = []
        left: list[str] = []
        problems: list[str] = []
        # A person who is new in two accounts of the file is added once.
        people = {user.email: user for user in self._store.users.all()}
        for wanted in belongings:
            now = self.of(wanted.account)
            steps += self._audiences(wanted, now)
            steps += self._people(wanted, people)
            steps += self._addresses(wanted, problems)
            left += _left(wanted, now)
        if problems:
            raise ConfigurationError(problems)
        return BelongingsPlan(tuple(steps), tuple(left))

    def apply(self, plan: BelongingsPlan, *, actor: str = "operator") -> list[str]:
        """Make the changes of a plan; the accounts have to be there. Returns what the operator has to know.

        Raises:
            NotAllowed: one of them is refused; those before it were made.
            StoreError: some were made; planning and applying again completes it.
        """
        return [said for step in plan.steps if (said := step.make(actor))]

    def _audiences(self, wanted: Belongings, now: Belongings) -> Iterator[Step]:
        known = {audience.id: audience for audience in now.audiences}
        for audience in wanted.audiences:
            before = known.get(audience.id)
            if before is None:
                yield Step(
                    (f"  + audience {audience.id} of {wanted.account} ({audience.name})",),
                    self._name(wanted.account, audience, None),
                )
            elif before != audience:
                lines = [f"  ~ audience {audience.id} of {wanted.account}"]
                lines += _changed("name", before.name, audience.name) + _changed(
                    "sender", before.sender, audience.sender
                )
                yield Step(tuple(lines), self._name(wanted.account, audience, before))

    def _name(self, account: str, audience: NamedAudience, before: NamedAudience | None) -> Callable[[str], str]:
        def make(actor: str) -> str:
            now = self._clock.now()
            kept = self._store.audience_records.get(account, audience.id)
            record = kept or AudienceRecord(audience.id, account, audience.name, created_at=now)
            self._store.audience_records.save(
                replace(record, name=audience.name, sender=audience.sender, updated_at=now, removed=False)
            )
            was = before.name if before else ""
            write_down(
                self._store, account, now, actor, area="audiences", name=audience.id, before=was, after=audience.name
            )
            return ""

        return make

    def _people(self, wanted: Belongings, people: dict[str, User]) -> Iterator[Step]:
        account = wanted.account
        for member in wanted.users:
            user = people.get(member.email)
            if user is None:
                yield Step((f"  + user {member.email} of {account} ({member.role})",), self._take_in(account, member))
                people[member.email] = User("", member.email, member.name, "", {account: member.role})
            elif user.memberships.get(account) != member.role or member.name not in {"", user.name}:
                lines = [f"  ~ user {member.email} of {account}"]
                lines += _changed("role", user.memberships.get(account, ""), member.role)
                lines += _changed("name", user.name, member.name) if member.name else []
                yield Step(tuple(lines), self._take_in(account, member))

    def _take_in(self, account: str, member: Member) -> Callable[[str], str]:
        def make(actor: str) -> str:
            user = self._store.users.by_email(member.email)
            if user is None:
                self._users.invite(member.email, member.name, account, member.role, actor=actor)
                return (
                    f"{member.email} has no password yet. Make one for the first sign-in: "
                    f"stopgate users reset-password {member.email}"
                )
            if member.name and member.name != user.name:
                user = self._store.users.change(user.id, lambda current: replace(current, name=member.name))
            if user.memberships.get(account) != member.role:
                self._users.give_role(user, account, member.role, actor=actor)
            return ""

        return make

    def _addresses(self, wanted: Belongings, problems: list[str]) -> Iterator[Step]:
        known = {endpoint.url: endpoint for endpoint in reversed(self._store.events.endpoints(wanted.account))}
        for address in wanted.events:
            try:
                self._deliveries.check(address.url, address.kinds, address.note)
            except NotAllowed as error:
                problems.append(f"{wanted.account}.events ({address.url}): {error}")
                continue
            endpoint = known.get(address.url)
            if endpoint is None:
                line = f"  + events of {wanted.account} to {address.url} ({_kinds(address.kinds)})"
                yield Step((line,), self._add_address(wanted.account, address))
            elif (endpoint.kinds, endpoint.active, endpoint.note) != (address.kinds, address.active, address.note):
                lines = [f"  ~ events of {wanted.account} to {address.url}"]
                lines += _changed("kinds", _kinds(endpoint.kinds), _kinds(address.kinds))
                lines += _changed("active", endpoint.active, address.active)
                lines += _changed("note", endpoint.note, address.note)
                yield Step(tuple(lines), self._change_address(endpoint, address))

    def _add_address(self, account: str, address: EventAddress) -> Callable[[str], str]:
        def make(_: str) -> str:
            endpoint = self._deliveries.add(account, address.url, address.kinds, address.note)
            if not address.active:
                self._deliveries.change(account, endpoint.id, active=False)
            return f"Events to {address.url} are signed with this secret, which is shown this once: {endpoint.secret}"

        return make

    def _change_address(self, endpoint: Endpoint, address: EventAddress) -> Callable[[str], str]:
        def make(_: str) -> str:
            self._deliveries.change(
                endpoint.account, endpoint.id, kinds=address.kinds, active=address.active, note=address.note
            )
            return ""

        return make


def _audience_of(name: str, record: AudienceRecord | None) -> NamedAudience | None:
    if record is not None and record.removed:
        return None
    return NamedAudience(name, record.name, record.sender) if record else NamedAudience(name, name)


def _by_email(users: Sequence[User]) -> list[User]:
    return sorted(users, key=lambda user: user.email)


def _kinds(kinds: Sequence[str]) -> str:
    return ", ".join(kinds) or "all"


def _changed(name: str, before: object, after: object) -> list[str]:
    return [] if before == after else [f"    {name}: {before!r} -> {after!r}"]


def _left(wanted: Belongings, now: Belongings) -> Iterator[str]:
    """What is there and not in the file, of the kinds that the file names some of: it stays."""
    kinds: Mapping[str, tuple[set[str], set[str]]] = {
        "audience": ({each.id for each in now.audiences}, {each.id for each in wanted.audiences}),
        "user": ({each.email for each in now.users}, {each.email for each in wanted.users}),
        "events to": ({each.url for each in now.events}, {each.url for each in wanted.events}),
    }
    for kind, (there, named) in kinds.items():
        for name in sorted(there - named) if named else ():
            yield f"! {wanted.account}: {kind} {name} is not in the file and stays as it is"
