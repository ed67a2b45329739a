"""Passwords: their rules, their hashes, and those made for one sign-in."""

import secrets
from collections.abc import Callable

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST = 12
MOST = 200
# Without letters and digits that are taken for one another.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def one_time_password(choose: Callable[[str], str] = secrets.choice) -> str:
    """A password to be read out and typed once: four groups of five, 98 bits."""
    return "-".join("".join(choose(_ALPHABET) for _ in range(5)) for _ in range(4))


def problem_with(password: str, *, email: str, name: str = "") -> str | None:
    """Why a password will not do, as a sentence, or None. Length and not guessable: no rules about signs.

    Source: NIST SP 800-63B-4, 3.1.1.2: length counts, composition rules do not, and what is easily guessed from
    the account is refused.
    """
    if len(password) < LEAST:
        return f"Use {LEAST} characters or more; a few words in a row are easy to remember."
    if len(password) > MOST:
        return f"Use {MOST} characters at most."
    folded = password.casefold()
    if len(set(folded)) < 5:
        return "Use more different characters."
    own = [part for part in (email.partition("@")[0], email, name, "stopgate") if len(part) >= 4]
    for part in sorted(own, key=len, reverse=True):
        folded = folded.replace(part.casefold(), "")
    if len(folded) < LEAST // 2:
        return "Do not build it from your name or address."
    if folded.isdigit() and len(folded) < LEAST + 4:
        return "Do not use digits alone."
    return None


class Passwords:
    """Hashes passwords and compares them, with argon2id and the library's own choice of costs."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobodys: str | None = None

    def hash_of(self, password: str) -> str:
        """The hash to keep."""
        return self._hasher.hash(password)

    def matches(self, password_hash: str, password: str) -> bool:
        """True for the right password. Takes as long for people who do not exist (hash "") as for those who do."""
        if not password_hash:
            self._nobodys = self._nobodys or self._hasher.hash(secrets.token_hex(16))
        try:
            return self._hasher.verify(password_hash or self._nobodys or "", password) and bool(password_hash)
        except (VerificationError, InvalidHashError):
            return False

    def is_outdated(self, password_hash: str) -> bool:
        """True when the hash was made with other costs than are usual now."""
        return self._hasher.check_needs_rehash(password_hash)
