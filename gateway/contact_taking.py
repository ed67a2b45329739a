"""Taking rows with contacts, thousands at a time: each is matched, appended to what is known, and joins an audience."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.account_settings import setting_of
from gateway.audience_names import name_audience
from gateway.audience_scopes import covering_scopes
from gateway.clock import Clock
from gateway.contact_matching import KnownContacts
from gateway.contact_rows import ContactRow, RowOutcome, merged, overfull, problem_in, problem_of, said
from gateway.opt_out_reasons import Reason, reasons
from gateway.resetting import may_be_reset, reset_opt_outs
from store import Store
from store.contacts import Contact
from store.directory import Account
from store.errors import StoreError

_PATIENCE = 8
_MOST_ROWS_NOTED = 20


@dataclass(frozen=True, slots=True)
class Taken:
    """A row's outcome, and the contact it was about, when it was taken. made: it is new, whoever joins or not."""

    outcome: RowOutcome
    contact: Contact | None = None
    made: bool = False


@dataclass(frozen=True, slots=True)
class _Order:
    """What the rows of a block have in common.

    blocked: the numbers that something blocks. refused: those that are not even taken as contacts. dry: only say what
    would come of them.
    """

    account: Account
    audience: str
    batch: str
    blocked: Mapping[str, Reason]
    refused: frozenset[str]
    dry: bool = False

    def mark(self, row: ContactRow) -> str:
        return f"{self.batch}:{row.row}" if self.batch else ""


class RowTaking:
    """Takes rows with contacts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def take(
        self,
        account: Account,
        rows: Sequence[ContactRow],
        *,
        audience: str,
        reset: bool,
        actor: str,
        batch: str,
        dry: bool = False,
    ) -> list[Taken]:
        """See gateway.contacts.Contacts.take_rows."""
        if audience and audience not in account.audiences and not dry:
            name_audience(self._store, account, audience)
        order = self._order(account, rows, audience, reset=reset, actor=actor, batch=batch, dry=dry)
        taken: dict[int, Taken] = {}
        left = []
        for index, row in enumerate(rows):
            refusal = problem_in(row) or self._refusal(order, row)
            if refusal is not None:
                taken[index] = Taken(refusal)
            else:
                left.append(index)
        taken |= self._write(order, {index: rows[index] for index in left})
        if audience:
            self._join(order, rows, taken)
        return [taken[index] for index in range(len(rows))]

    def _order(
        self,
        account: Account,
        rows: Sequence[ContactRow],
        audience: str,
        *,
        reset: bool,
        actor: str,
        batch: str,
        dry: bool,
    ) -> _Order:
        record = self._store.audience_records.get(account.id, audience) if audience else None
        scopes = covering_scopes(account, audience, record)
        numbers = [phone.number for row in rows for phone in row.phones if not problem_of(phone.number)]
        blocked = reasons(self._store, list(dict.fromkeys(numbers)), scopes)
        if reset and dry:
            blocked = {number: reason for number, reason in blocked.items() if not may_be_reset(reason)}
        elif reset and blocked:
            detail = {"actor": actor, "batch": batch}
            blocked = reset_opt_outs(self._store, self._clock, account, blocked, scopes, detail)
        refused: list[str] = []
        if blocked and setting_of(account.settings, "enforce_global_opt_outs"):
            codes = self._store.bulk.check(list(blocked), covering_scopes(account, "", None))
            refused = [number for number, code in zip(blocked, codes, strict=True) if code]
        return _Order(account, audience, batch, blocked, frozenset(refused), dry)

    @staticmethod
    def _refusal(order: _Order, row: ContactRow) -> RowOutcome | None:
        """The outcome of a row that is not taken at all, because its primary number is not to be uploaded again."""
        if row.phones and row.phones[0].number in order.refused:
            return said(row.row, "opted_out", "opted_out", order.blocked[row.phones[0].number].sentence)
        return None

    def _write(self, order: _Order, rows: Mapping[int, ContactRow]) -> dict[int, Taken]:
        """Write the contacts of rows; what somebody else changed meanwhile is looked at once more."""
        taken: dict[int, Taken] = {}
        left, taken_ids = dict(rows), list[str]()
        for _ in range(_PATIENCE):
            known = KnownContacts(self._store, order.account.id, list(left.values()))
            known.meet(list(self._store.contacts.get_many(order.account.id, taken_ids).values()))
            members = self._members(order, left.values())
            planned = {index: self._plan(order, known, row, members) for index, row in left.items()}
            if order.dry:
                return planned
            rewrites = known.rewrites()
            written = self._store.contacts.write(rewrites) if rewrites else []
            lost = {
                one.after.id for one, flag in zip(rewrites, written, strict=True) if not flag and one.after is not None
            }
            again = {index for index, one in planned.items() if one.contact is not None and one.contact.id in lost}
            taken |= {index: one for index, one in planned.items() if index not in again}
            left, taken_ids = {index: left[index] for index in sorted(again)}, sorted(lost)
            if not left:
                return taken
        raise StoreError("These contacts were changed by others again and again. Try once more.")

    def _members(self, order: _Order, rows: Iterable[ContactRow]) -> set[str]:
        """Which primary numbers of rows are in the audience already."""
        if not order.audience:
            return set()
        numbers = list(dict.fromkeys(row.phones[0].number for row in rows if row.phones))
        flags = self._store.audiences.are_members(numbers, order.account.id, order.audience)
        return {number for number, flag in zip(numbers, flags, strict=True) if flag}

    def _plan(self, order: _Order, known: KnownContacts, row: ContactRow, members: set[str]) -> Taken:
        """What becomes of the row's contact, and whether it will join; noted in `known` and `members`."""
        wanted, left_out = _without_bad_phones(order, row)
        before = known.find(wanted)
        if before is None and not wanted.phones:
            return Taken(said(row.row, "invalid", "no_number"))
        now = self._clock.now()
        start = before or replace(known.new(wanted), created_at=now, updated_at=now, made_by=order.mark(row))
        after, replaced = merged(start, wanted, now)
        if what := overfull(after):
            return Taken(said(row.row, "invalid", "too_many", what))
        joins = bool(order.audience and wanted.phones) and wanted.phones[0].number not in {*members, *order.blocked}
        if joins:
            members.add(wanted.phones[0].number)
        outcome = _outcome_of(order, row, before, changed=after != before or joins)
        if outcome == "updated" and order.batch:
            after = replace(after, touched_by=_touched(start.touched_by, order.batch, row.row))
        if after != before:
            after = replace(after, version=start.version + 1)
            known.put(after)
        code, what = left_out or (("changed", ", ".join(replaced)) if replaced else ("", ""))
        return Taken(said(row.row, outcome, code, what), after, made=before is None)

    def _join(self, order: _Order, rows: Sequence[ContactRow], taken: dict[int, Taken]) -> None:
        """Let the primary numbers of the rows that were taken join the audience; whoever may not is named."""
        numbers = {index: _joining(rows[index], one) for index, one in taken.items() if one.contact is not None}
        asked = list(dict.fromkeys(number for number in numbers.values() if number))
        record = self._store.audience_records.get(order.account.id, order.audience)
        scopes = covering_scopes(order.account, order.audience, record)
        if order.dry:
            came = ["blocked" if number in order.blocked else "joined" for number in asked]
        else:
            came = list(self._store.audiences.join_many(order.account.id, order.audience, asked, scopes))
        refused = [number for number, outcome in zip(asked, came, strict=True) if outcome == "blocked"]
        why = dict(order.blocked)
        why |= reasons(self._store, [number for number in refused if number not in why], scopes)
        for index, number in numbers.items():
            if number in refused:
                sentence = why[number].sentence if number in why else "Opted out at this moment."
                said_so = said(rows[index].row, "opted_out", "opted_out", f"{sentence} It did not join the audience.")
                taken[index] = replace(taken[index], outcome=said_so)


def _outcome_of(order: _Order, row: ContactRow, before: Contact | None, *, changed: bool) -> str:
    """What a row did; for one that was taken before a crash, what it did then."""
    mark = order.mark(row)
    if before is None or (mark and before.made_by == mark):
        return "created"
    done_before = bool(mark) and str(row.row) in _rows_of(before.touched_by, order.batch)
    return "updated" if changed or done_before else "unchanged"


def _rows_of(touched_by: str, batch: str) -> list[str]:
    """The rows of a batch that changed a contact."""
    of_batch, _, rows = touched_by.rpartition(":")
    return rows.split(",") if of_batch == batch and rows else []


def _touched(touched_by: str, batch: str, row: int) -> str:
    rows = [known for known in _rows_of(touched_by, batch) if known != str(row)]
    return f"{batch}:{','.join([*rows, str(row)][-_MOST_ROWS_NOTED:])}"


def _without_bad_phones(order: _Order, row: ContactRow) -> tuple[ContactRow, tuple[str, str] | None]:
    """A row with the phones that may be taken, and what there is to say of the others."""
    good, left_out = [], None
    for place, phone in enumerate(row.phones, 1):
        if problem_of(phone.number):
            left_out = left_out or ("phone_invalid", f"phone {place}")
        elif phone.number in order.refused:
            left_out = ("phone_opted_out", f"phone {place}")
        else:
            good.append(phone)
    return (replace(row, phones=tuple(good)) if left_out else row), left_out


def _joining(row: ContactRow, one: Taken) -> str:
    """The number that joins for a row: its primary one, else the contact's."""
    if row.phones:
        return row.phones[0].number
    return one.contact.numbers[0] if one.contact is not None and one.contact.phones else ""
