"""What people and programs change of an account: settings, own words, API keys. Checked as `stopgate apply` checks.

Every change is in the configuration journal with who made it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.account_settings import ACCOUNT_SETTINGS, TEXT_BY_LANGUAGE, faults_in, setting_of
from gateway.clock import Clock
from gateway.configuration import ABOUT_ACCOUNTS, NOBODY_ACTS, acts_by_itself, keyword_from
from gateway.configuration_journal import change_account, write_down
from gateway.errors import ConfigurationError, NotAllowed
from gateway.linting import lint
from keywords import Finding, Severity
from store import Store
from store.api_keys import ApiKey, id_of
from store.directory import Account, Keyword

_MOST_WORDS = 500


@dataclass(frozen=True, slots=True)
class SettingState:
    """A setting of an account. value: the account's, or the default."""

    name: str
    value: Any
    is_default: bool


class WrongSettings(NotAllowed):
    """Settings that cannot be used. faults: each setting's name and what is wrong with it, all of them."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        errors = [{"field": name, "problem": fault} for name, fault in faults]
        super().__init__("invalid_request", f"{faults[0][0]} {faults[0][1]}", errors=errors)


class AccountChanges:
    """Changes of accounts. Each is made on the account as it is at that moment.

    actor, everywhere: who makes the change, as the journal names them.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def settings(self, account: Account) -> list[SettingState]:
        """Every setting, in the order of the table."""
        return [
            SettingState(name, setting_of(account.settings, name), name not in account.settings)
            for name in ACCOUNT_SETTINGS
        ]

    def change_settings(self, account: Account, changes: Mapping[str, Any], *, actor: str) -> Account:
        """Change settings. Texts by language are changed language by language.

        Args:
            account: whose.
            changes: name -> value; None goes back to the default (of a language: to its default text).
            actor: who.

        Raises:
            WrongSettings: with every fault; nothing is changed.
            StoreError: it is unknown whether it was written; repeating is safe.
        """

        def changed(current: Account) -> Account:
            settings = dict(current.settings)
            for name, value in changes.items():
                settings[name] = _merged(settings.get(name), value) if _has_languages(name, value) else value
            settings = {name: value for name, value in settings.items() if value is not None and value != {}}
            faults = faults_in({name: settings.get(name, _default(name)) for name in changes})
            if faults:
                raise WrongSettings(faults)
            return replace(current, settings=settings)

        return self._change(account, changed, actor)

    def describe(self, account: Account, changes: Mapping[str, str], *, actor: str) -> Account:
        """Change what an account is called, or the country of numbers that are written without one.

        Args:
            account: which.
            changes: name and default_country, or one of them; the country may be "".
            actor: who.

        Raises:
            WrongSettings: with every fault; nothing is changed.
            StoreError: it is unknown whether it was written; repeating is safe.
        """
        said = [(name, ABOUT_ACCOUNTS[name](value)) for name, value in changes.items()]
        faults = [(name, fault) for name, fault in said if fault]
        if faults:
            raise WrongSettings(faults)

        def described(current: Account) -> Account:
            country = changes.get("default_country", current.default_country)
            return replace(current, name=changes.get("name", current.name), default_country=country)

        return self._change(account, described, actor)

    def add_word(self, account: Account, row: Mapping[str, Any], *, actor: str) -> tuple[Account, Keyword]:
        """Give an account a word of its own.

        Args:
            account: whose.
            row: word, action and what it needs, as in a file for `stopgate apply`.
            actor: who.

        Raises:
            NotAllowed: invalid_request with every problem, or keyword_exists.
            StoreError: it is unknown whether it was written.
        """
        keyword = _checked(row)

        def added(words: tuple[Keyword, ...]) -> tuple[Keyword, ...]:
            if any(_same(known, keyword.word) for known in words):
                raise NotAllowed("keyword_exists", f"{keyword.word!r} is a keyword of this account already; change it.")
            if len(words) >= _MOST_WORDS:
                raise NotAllowed("invalid_request", f"An account has {_MOST_WORDS} words of its own at most.")
            return (*words, keyword)

        return self._change_words(account, added, actor), keyword

    def change_word(
        self, account: Account, word: str, changes: Mapping[str, Any], *, actor: str
    ) -> tuple[Account, Keyword]:
        """Change one of an account's words; fields that are not in `changes` stay.

        Raises:
            NotAllowed: unknown_keyword, invalid_request with every problem, or keyword_exists.
            StoreError: it is unknown whether it was written.
        """
        made: list[Keyword] = []

        def changed(words: tuple[Keyword, ...]) -> tuple[Keyword, ...]:
            before = _known(words, word)
            keyword = _checked({**_row(before), **changes})
            others = [known for known in words if known is not before]
            if any(_same(known, keyword.word) for known in others):
                raise NotAllowed("keyword_exists", f"{keyword.word!r} is a keyword of this account already.")
            made[:] = [keyword]
            return tuple(keyword if known is before else known for known in words)

        return self._change_words(account, changed, actor), made[0]

    def remove_word(self, account: Account, word: str, *, actor: str) -> tuple[Account, Keyword]:
        """Take one of an account's words away. Raises NotAllowed (unknown_keyword) or StoreError."""
        gone: list[Keyword] = []

        def removed(words: tuple[Keyword, ...]) -> tuple[Keyword, ...]:
            gone[:] = [_known(words, word)]
            return tuple(known for known in words if known is not gone[0])

        return self._change_words(account, removed, actor), gone[0]

    def make_key(self, account: Account, role: str, *, name: str, actor: str) -> tuple[ApiKey, str]:
        """Make an API key. Returns it and its secret, which cannot be read again. Raises StoreError."""
        now = self._clock.now()
        secret = self._store.api_keys.create(account.id, role, now, name=name)
        key = ApiKey(id_of(secret), account.id, role, now, None, name)
        self._write_down(account, actor, "keys", key.id, "", _key_shown(key))
        return key, secret

    def revoke_key(self, account: Account, key_id: str, *, actor: str) -> ApiKey:
        """Revoke one of the account's API keys. Raises NotAllowed (not_found) or StoreError."""
        key = next((key for key in self._store.api_keys.all(account.id) if key.id == key_id), None)
        if key is None or not self._store.api_keys.revoke(key.id):
            raise NotAllowed("not_found", "There is no API key with this id.")
        self._write_down(account, actor, "keys", key.id, _key_shown(key), "")
        return key

    def _write_down(self, account: Account, actor: str, area: str, name: str, before: str, after: str) -> None:
        now = self._clock.now()
        write_down(self._store, account.id, now, actor, area=area, name=name, before=before, after=after)

    def _change_words(
        self, account: Account, change: Callable[[tuple[Keyword, ...]], tuple[Keyword, ...]], actor: str
    ) -> Account:
        def changed(current: Account) -> Account:
            # An audience stays known when the word that named it goes: it may have members and opt-outs.
            return replace(current, keywords=change(current.keywords), named_audiences=current.audiences)

        return self._change(account, changed, actor)

    def _change(self, account: Account, change: Callable[[Account], Account], actor: str) -> Account:
        return change_account(self._store, account.id, change, at=self._clock.now(), actor=actor)


def findings_of(account: Account) -> list[Finding]:
    """What the linter says of an account's words, texts and settings, as they are now."""
    findings = lint(account)
    if not acts_by_itself(account):
        findings.insert(0, Finding("nobody_acts", Severity.WARNING, "automated_opt_outs", NOBODY_ACTS))
    return findings


def _key_shown(key: ApiKey) -> str:
    return f"{key.role} ({key.name})" if key.name else key.role


def _default(name: str) -> Any:
    setting = ACCOUNT_SETTINGS.get(name)
    return setting.default if setting else None


def _has_languages(name: str, value: Any) -> bool:
    setting = ACCOUNT_SETTINGS.get(name)
    return setting is not None and setting.kind == TEXT_BY_LANGUAGE and isinstance(value, dict)


def _merged(before: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**(before or {}), **changes}
    return {language: text for language, text in merged.items() if text is not None}


def _checked(row: Mapping[str, Any]) -> Keyword:
    # Fields that are empty are not there: an audience of "" is none.
    try:
        return keyword_from({name: value for name, value in row.items() if value not in {"", None}})
    except ConfigurationError as error:
        errors = [{"field": problem.split(" ", 1)[0], "problem": problem} for problem in error.problems]
        raise NotAllowed("invalid_request", error.problems[0], errors=errors) from None


def _row(keyword: Keyword) -> dict[str, Any]:
    return {
        "word": keyword.word,
        "action": keyword.action,
        "match": keyword.match,
        "audience": keyword.audience,
        "reply": keyword.reply,
    }


def _same(keyword: Keyword, word: str) -> bool:
    return keyword.word.casefold() == word.casefold()


def _known(words: Sequence[Keyword], word: str) -> Keyword:
    for known in words:
        if _same(known, word):
            return known
    raise NotAllowed("unknown_keyword", f"{word[:100]!r} is not a keyword of this account.")
