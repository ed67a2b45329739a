"""How far a block reaches (design §4)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class ScopeKind(StrEnum):
    """The five widths, widest first."""

    GLOBAL = "global"
    SENDER = "sender"
    ACCOUNT = "account"
    ACCOUNT_SENDER = "account+sender"
    ACCOUNT_AUDIENCE = "account+audience"


class Channel(StrEnum):
    """What a block stops."""

    TEXT = "text"
    VOICE = "voice"


ALL_CHANNELS = (Channel.TEXT, Channel.VOICE)
_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def is_account_id(text: str) -> bool:
    """True for a usable account id: lower-case letters, digits and hyphens, 40 at most."""
    return _ACCOUNT.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """One scope. Made by the class methods, which say what each kind needs.

    entered: the side of it that colleagues and programs enter. It stands beside what the person said themself, so
    that neither replaces the other and each is lifted by whom it belongs to (G5): START does not lift a "do not call"
    that was said on the phone, and an admin does not lift a STOP.
    """

    kind: ScopeKind
    account: str = ""
    sender: str = ""
    audience: str = ""
    entered: bool = False

    @property
    def persons_side(self) -> "Scope":
        """The same scope, on the side of what the person said themself."""
        return replace(self, entered=False)

    @property
    def entered_side(self) -> "Scope":
        """The same scope, on the side that colleagues and programs enter; only an account's scopes have one."""
        return replace(self, entered=True) if self.account else self

    @classmethod
    def everything(cls) -> "Scope":
        """The whole installation."""
        return cls(ScopeKind.GLOBAL)

    @classmethod
    def of_sender(cls, sender: str) -> "Scope":
        """One sender, for all accounts on it."""
        return cls(ScopeKind.SENDER, sender=sender)

    @classmethod
    def of_account(cls, account: str) -> "Scope":
        """Everything one account sends."""
        return cls(ScopeKind.ACCOUNT, account)

    @classmethod
    def of_account_sender(cls, account: str, sender: str) -> "Scope":
        """What one account sends from one sender."""
        return cls(ScopeKind.ACCOUNT_SENDER, account, sender=sender)

    @classmethod
    def of_audience(cls, account: str, audience: str) -> "Scope":
        """What one account sends to one audience."""
        return cls(ScopeKind.ACCOUNT_AUDIENCE, account, audience=audience)

    @property
    def key(self) -> str:
        """The scope as it stands in key names and journal entries ("a/acme/s/+15005550006")."""
        match self.kind:
            case ScopeKind.GLOBAL:
                return "*"
            case ScopeKind.SENDER:
                return f"s/{self.sender}"
            case ScopeKind.ACCOUNT:
                return f"{self._side}/{self.account}"
            case ScopeKind.ACCOUNT_SENDER:
                return f"{self._side}/{self.account}/s/{self.sender}"
            case ScopeKind.ACCOUNT_AUDIENCE:
                return f"{self._side}/{self.account}/l/{self.audience}"

    @property
    def _side(self) -> str:
        return "e" if self.entered else "a"

    @classmethod
    def parse(cls, key: str) -> "Scope":
        """The scope a key names.

        Raises:
            ValueError: the text is not a scope.
        """
        match key.split("/", 3):
            case ["*"]:
                return cls.everything()
            case ["s", *sender] if sender:
                return cls.of_sender("/".join(sender))
            case ["a" | "e" as side, account]:
                return replace(cls.of_account(account), entered=side == "e")
            case ["a" | "e" as side, account, "s", sender]:
                return replace(cls.of_account_sender(account, sender), entered=side == "e")
            case ["a" | "e" as side, account, "l", audience]:
                return replace(cls.of_audience(account, audience), entered=side == "e")
        raise ValueError(f"{key!r} is not a scope")


def both_sides(scopes: Iterable[Scope]) -> tuple[Scope, ...]:
    """Scopes in their order, each with what the person said before what was entered."""
    return tuple(side for scope in scopes for side in dict.fromkeys((scope, scope.entered_side)))


def scopes_of_send(account: str, sender: str, audience: str | None) -> tuple[Scope, ...]:
    """Every scope that covers a send, widest first."""
    scopes = [
        Scope.everything(),
        Scope.of_sender(sender),
        Scope.of_account(account),
        Scope.of_account_sender(account, sender),
    ]
    if audience:
        scopes.append(Scope.of_audience(account, audience))
    return both_sides(scopes)
