"""`stopgate apply`: accounts, senders, keywords and settings from a file, with a diff before anything changes."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import phonenumbers

from gateway.account_settings import problems_with, setting_of
from gateway.belongings import BELONGINGS, Belongings, belongings_in
from gateway.clock import Clock
from gateway.configuration_checks import Problems, no_repeats, one_of, tables, text
from gateway.configuration_journal import write_differences
from gateway.errors import ConfigurationError
from gateway.linting import findings_about
from gateway.phone import InvalidNumber, is_sender, is_short_code, normalise
from keywords import Action, Certainty, Match, RuleInfo, decide, explain_rule
from store import Store
from store.directory import Account, Directory, Keyword, Sender
from store.scopes import is_account_id

KINDS = ("long_code", "toll_free", "short_code", "alphanumeric", "messaging_service")
HANDLERS = ("gateway", "carrier")
_MOST_BYTES = 5_000_000
_LONGEST_NAME = 80
_LONGEST_WORD = 100
_LONGEST_REPLY = 1600


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file would change. lines: the diff, for people; accounts: what would be written."""

    lines: tuple[str, ...]
    accounts: tuple[Account, ...]


def _account_id(value: Any) -> str | None:
    good = isinstance(value, str) and is_account_id(value)
    return None if good else "has to be lower-case letters, digits and hyphens, 40 at most"


def _country(value: Any) -> str | None:
    good = value == "" or value in phonenumbers.SUPPORTED_REGIONS
    return None if good else 'has to be a country of two letters, such as "US"'


ABOUT_ACCOUNTS: Mapping[str, Callable[[Any], str | None]] = {"name": text(_LONGEST_NAME), "default_country": _country}
"""What people may change of an account besides its settings, with the check of each."""


def _rate(value: Any) -> str | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 10_000
    return None if good else "has to be a number above 0"


NOBODY_ACTS = (
    "automated_opt_outs is off: nothing is done about a STOP until a person has read it, and the law gives that "
    "person ten business days (47 CFR 64.1200(a)(10))."
)


def acts_by_itself(account: Account) -> bool:
    """False when every text that asks to stop waits for a person."""
    return bool(setting_of(account.settings, "automated_opt_outs"))


_OFF_FIELDS = ("keywords_off", "mandatory_keywords_off_understood")
_ACCOUNT_FIELDS = ("id", "name", "default_country", "settings", "senders", "keywords", *_OFF_FIELDS, *BELONGINGS)
_SENDER_FIELDS = ("address", "carrier", "kind", "keywords_handled_by", "segments_per_second", *_OFF_FIELDS)


@dataclass(frozen=True, slots=True)
class ConfigurationFile:
    """What a file says: accounts, and what belongs to each (belongings.py)."""

    accounts: Sequence[Account]
    belongings: Sequence[Belongings]


class Configuration:
    """Accounts and what belongs to them, as they stand in a file."""

    def __init__(self, store: Store, carriers: Sequence[str], clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._carriers = carriers

    def read(self, content: str) -> Sequence[Account]:
        """The accounts in a file's text (TOML). Raises ConfigurationError, see `read_file`."""
        return self.read_file(content).accounts

    def read_file(self, content: str) -> ConfigurationFile:
        """Everything in a file's text (TOML).

        Raises:
            ConfigurationError: with every problem and its place.
        """
        if len(content.encode()) > _MOST_BYTES:
            raise ConfigurationError(["The file is larger than 5 MB."])
        try:
            document = tomllib.loads(content)
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError([f"This is not TOML: {error}."]) from None
        problems = Problems()
        problems.unknown("file", document, ("accounts",))
        rows = tables("file", document, "accounts", problems)
        accounts = [self._account(f"accounts[{index}]", table, problems) for index, table in enumerate(rows)]
        no_repeats("accounts", [account.id for account in accounts], problems)
        belongings = [
            belongings_in(f"accounts[{index}] ({account.id})", account.id, table, problems)
            for index, (account, table) in enumerate(zip(accounts, rows, strict=True))
        ]
        if problems.found:
            raise ConfigurationError(problems.found)
        named = [
            replace(account, named_audiences=tuple(sorted(audience.id for audience in more.audiences)))
            for account, more in zip(accounts, belongings, strict=True)
        ]
        return ConfigurationFile(named, belongings)

    def _account(self, place: str, table: Mapping[str, Any], problems: Problems) -> Account:
        place = f"{place} ({table['id']})" if isinstance(table.get("id"), str) else place
        problems.unknown(place, table, _ACCOUNT_FIELDS)
        settings = table.get("settings", {})
        if isinstance(settings, dict):
            problems.found += [f"{place}.settings: {problem}" for problem in problems_with(settings)]
        else:
            problems.add(place, "settings has to be a table.")
        country = problems.field(place, table, "default_country", ABOUT_ACCOUNTS["default_country"], "")
        senders = [
            self._sender(f"{place}.senders[{index}]", row, problems)
            for index, row in enumerate(tables(place, table, "senders", problems))
        ]
        keywords = [
            _keyword(f"{place}.keywords[{index}]", row, problems)
            for index, row in enumerate(tables(place, table, "keywords", problems))
        ]
        no_repeats(f"{place}.senders", [sender.address for sender in senders], problems)
        no_repeats(f"{place}.keywords", [keyword.word.casefold() for keyword in keywords], problems)
        return Account(
            id=problems.field(place, table, "id", _account_id) or "",
            name=problems.field(place, table, "name", ABOUT_ACCOUNTS["name"]) or "",
            default_country=country,
            settings=settings if isinstance(settings, dict) else {},
            senders=tuple(senders),
            keywords=tuple(keywords),
            keywords_off=_switched_off(place, table, problems),
        )

    def _sender(self, place: str, table: Mapping[str, Any], problems: Problems) -> Sender:
        problems.unknown(place, table, _SENDER_FIELDS)
        kind = problems.field(place, table, "kind", one_of(KINDS))
        default_handler = "gateway" if kind in {"short_code", "alphanumeric"} else "carrier"
        return Sender(
            address=_sender_address(place, table, kind, problems),
            carrier=problems.field(place, table, "carrier", one_of(("twilio", "simulator"))) or "",
            kind=kind or "",
            keywords_handled_by=problems.field(place, table, "keywords_handled_by", one_of(HANDLERS), default_handler),
            segments_per_second=problems.field(place, table, "segments_per_second", _rate, 1.0),
            keywords_off=_switched_off(place, table, problems),
        )

    def plan(self, accounts: Sequence[Account]) -> Plan:
        """What applying accounts would change. Accounts that are not in the file stay. Raises StoreError."""
        current = self._store.directory.current(fresh=True)
        accounts = [_with_named_audiences(account, current.accounts.get(account.id)) for account in accounts]
        changed = [account for account in accounts if current.accounts.get(account.id) != account]
        lines = [line for account in changed for line in _diff(current, account)]
        lines += [
            f"! {sender.address}: the carrier {sender.carrier} is not switched on here, so it cannot send yet"
            for account in accounts
            for sender in account.senders
            if sender.carrier not in self._carriers
        ]
        lines += [f"! {account.id}: {NOBODY_ACTS}" for account in changed if not acts_by_itself(account)]
        lines += [f"! {account.id}: {finding}" for account in changed for finding in findings_about(account)]
        return Plan(tuple(lines), tuple(changed))

    def apply(self, plan: Plan, *, actor: str = "operator") -> None:
        """Write a plan, whole, and who applied it. Raises StoreError."""
        if plan.accounts:
            before = self._store.directory.current(fresh=True).accounts
            self._store.directory.save(plan.accounts)
            for account in plan.accounts:
                write_differences(self._store, before.get(account.id), account, at=self._clock.now(), actor=actor)


def _with_named_audiences(account: Account, before: Account | None) -> Account:
    """A file need not name the audiences that requests did; they stay known."""
    known = before.named_audiences if before else ()
    return replace(account, named_audiences=tuple(sorted({*known, *account.named_audiences})))


def _sender_address(place: str, table: Mapping[str, Any], kind: str | None, problems: Problems) -> str:
    address = problems.field(place, table, "address", text(_LONGEST_NAME)) or ""
    if not isinstance(address, str) or not address:
        return ""
    if kind in {"long_code", "toll_free"}:
        try:
            return normalise(address)
        except InvalidNumber as error:
            problems.add(place, f"address {address!r} cannot be a {kind}: {error}")
            return address
    expected = {
        "short_code": is_short_code(address),
        "messaging_service": address.startswith("MG") and is_sender(address),
        "alphanumeric": is_sender(address) and not address.startswith("+") and not address.isdigit(),
    }
    if kind in expected and not expected[kind]:
        problems.add(place, f"address {address!r} cannot be a {kind}.")
    return address


def keyword_from(row: Mapping[str, Any]) -> Keyword:
    """One of an account's own words, checked as in a file.

    Raises:
        ConfigurationError: with every problem.
    """
    problems = Problems()
    keyword = _keyword("keyword", row, problems)
    if problems.found:
        raise ConfigurationError([problem.removeprefix("keyword: ") for problem in problems.found])
    return keyword


def _keyword(place: str, table: Mapping[str, Any], problems: Problems) -> Keyword:
    problems.unknown(place, table, ("word", "action", "match", "audience", "reply"))
    action = problems.field(place, table, "action", one_of([a.value for a in Action if a is not Action.NONE]))
    word = problems.field(place, table, "word", text(_LONGEST_WORD)) or ""
    audience = problems.field(place, table, "audience", text(_LONGEST_NAME), "")
    reply = problems.field(place, table, "reply", text(_LONGEST_REPLY), "")
    if action == Action.JOIN and not audience:
        problems.add(place, "a join keyword has to name an audience.")
    if action == Action.REPLY and not reply:
        problems.add(place, "a reply keyword has to have a reply.")
    _not_a_built_in(place, word, action, problems)
    match = problems.field(place, table, "match", one_of([kind.value for kind in Match]), "whole")
    return Keyword(word=word, action=action or "", match=match, audience=audience, reply=reply)


def _built_in(word: str) -> RuleInfo | None:
    """The built-in keyword that a word, or its id, names."""
    with suppress(KeyError):
        return explain_rule(word)
    decision = decide(word)
    exact = decision.certainty is Certainty.EXACT and decision.action is not Action.NONE
    return explain_rule(decision.rule) if exact else None


def _switched_off(place: str, table: Mapping[str, Any], problems: Problems) -> tuple[str, ...]:
    """The ids of the built-in keywords that are switched off (by word or id): texts with them are held, not ignored."""
    words = table.get("keywords_off", [])
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        problems.add(place, "keywords_off has to be a list of words.")
        return ()
    rules = []
    for word in words:
        rule = _built_in(word)
        if rule is None:
            problems.add(place, f"keywords_off: {word!r} is not a built-in keyword.")
            continue
        if rule.mandatory and table.get("mandatory_keywords_off_understood") is not True:
            problems.add(
                place,
                f"{word!r} is a mandatory word ({rule.source.title}). Texts with it will be held for a person, and the "
                "deadline of 10 business days runs. Add mandatory_keywords_off_understood = true if you want that.",
            )
        rules.append(rule.id)
    return tuple(rules)


def _not_a_built_in(place: str, word: Any, action: Any, problems: Problems) -> None:
    """A word that everybody understands as STOP, START or HELP cannot be given another meaning (US-2)."""
    if not isinstance(word, str) or action is None:
        return
    built_in = decide(word)
    if not built_in.acts or built_in.action == action:
        return
    if explain_rule(built_in.rule).mandatory:
        problems.add(place, f"{word!r} means {built_in.action.value} to everybody and cannot be a {action} keyword.")


def _diff(current: Directory, account: Account) -> list[str]:
    before = current.accounts.get(account.id)
    if before is None:
        lines = [f"+ account {account.id} ({account.name})"]
        before = Account(account.id, account.name, account.default_country)
    else:
        lines = [f"~ account {account.id}"]
    for name in ("name", "default_country"):
        lines += _changed(name, getattr(before, name), getattr(account, name))
    for name in sorted({*before.settings, *account.settings}):
        old, new = _setting_said(before, name), _setting_said(account, name)
        lines += [] if old == new else [f"    settings.{name}: {old} -> {new}"]
    lines += _changed("keywords_off", list(before.keywords_off), list(account.keywords_off))
    lines += _rows("sender", _by_name(before.senders, "address"), _by_name(account.senders, "address"))
    lines += _rows("keyword", _by_name(before.keywords, "word"), _by_name(account.keywords, "word"))
    return lines


def _setting_said(account: Account, name: str) -> str:
    """A setting as a file would say it, and that it is the default when no file does."""
    if name in account.settings:
        return repr(account.settings[name])
    default = setting_of({}, name)
    return f"the default ({default!r})" if default not in ("", None, {}, []) else "the default"


def _by_name(rows: Sequence[Sender] | Sequence[Keyword], name: str) -> dict[str, dict[str, Any]]:
    return {getattr(row, name): asdict(row) for row in rows}


def _changed(name: str, before: Any, after: Any) -> list[str]:
    return [] if before == after else [f"    {name}: {before!r} -> {after!r}"]


def _rows(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    lines = [f"  - {kind} {name}" for name in before if name not in after]
    lines += [f"  + {kind} {name}" for name in after if name not in before]
    for name in after:
        if name in before and before[name] != after[name]:
            lines.append(f"  ~ {kind} {name}")
            for field in after[name]:
                lines += _changed(field, before[name][field], after[name][field])
    return lines
