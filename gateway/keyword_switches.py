"""Switching built-in keywords on and off, for an account or one of its senders."""

from dataclasses import dataclass, replace

from gateway.clock import Clock
from gateway.configuration_journal import change_account
from gateway.errors import NotAllowed
from keywords import RuleInfo, all_rules, explain_rule
from store import Store
from store.directory import Account, Sender


@dataclass(frozen=True, slots=True)
class KeywordState:
    """A built-in keyword and whether it acts. off_at: the senders where it is off; "" stands for the account."""

    rule: RuleInfo
    off_at: tuple[str, ...]


class KeywordSwitches:
    """The switches of all accounts. A switched-off word is held for a person, never ignored (design §8)."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def states(self, account: Account) -> list[KeywordState]:
        """Every built-in keyword, in the order of the tables."""
        return [KeywordState(rule, _off_at(account, rule.id)) for rule in all_rules()]

    def switch(
        self, account: Account, rule_id: str, *, on: bool, sender: str | None, understood: bool, actor: str
    ) -> KeywordState:
        """Switch a keyword on or off, and write down who did.

        Args:
            account: whose texts.
            rule_id: the keyword's id ("en.opt_out.cancel").
            on: act on it, or hold its texts for a person.
            sender: only at this sender, or None for the whole account.
            understood: the law that asks for a mandatory word was shown and accepted.
            actor: who switches it.

        Raises:
            NotAllowed: unknown_keyword, unknown_sender, or confirmation_needed with the law.
            StoreError: it is unknown whether it was written; repeating is safe.
        """
        try:
            rule = explain_rule(rule_id)
        except KeyError:
            raise NotAllowed("unknown_keyword", f"There is no built-in keyword {rule_id!r}.") from None
        if rule.mandatory and not on and not understood:
            raise NotAllowed(
                "confirmation_needed",
                f"{rule.words[0].upper()} is a mandatory word ({rule.source.title}). Its texts would be held for a "
                "person, and the deadline of 10 business days runs. Confirm that you want this.",
                law=rule.source.title,
                regulation=rule.law,
            )
        changed = change_account(
            self._store,
            account.id,
            lambda current: _switched(current, rule_id, on=on, sender=sender),
            at=self._clock.now(),
            actor=actor,
        )
        return KeywordState(rule, _off_at(changed, rule_id))


def _off_at(account: Account, rule_id: str) -> tuple[str, ...]:
    whole = ("",) if rule_id in account.keywords_off else ()
    return (*whole, *(sender.address for sender in account.senders if rule_id in sender.keywords_off))


def _switched(account: Account, rule_id: str, *, on: bool, sender: str | None) -> Account:
    if sender is None:
        return replace(account, keywords_off=_toggled(account.keywords_off, rule_id, on=on))
    if not any(known.address == sender for known in account.senders):
        raise NotAllowed("unknown_sender", f"{sender} is not a sender of this account.")
    senders: list[Sender] = [
        replace(known, keywords_off=_toggled(known.keywords_off, rule_id, on=on)) if known.address == sender else known
        for known in account.senders
    ]
    return replace(account, senders=tuple(senders))


def _toggled(off: tuple[str, ...], rule_id: str, *, on: bool) -> tuple[str, ...]:
    without = tuple(rule for rule in off if rule != rule_id)
    return without if on else (*without, rule_id)
