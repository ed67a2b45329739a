"""Signing in and out of the console: who is it, and how often may one try."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256

from gateway.clock import Clock
from gateway.errors import NotAllowed
from gateway.logs import logger
from gateway.passwords import Passwords
from gateway.users import folded
from store import Store
from store.sign_ins import SignIn, id_of
from store.users import User

log = logger(__name__)

IDLE = timedelta(hours=8)
"""A sign-in that nobody used for so long has ended."""
LIFE = timedelta(days=7)
"""No sign-in lasts longer."""
_SEEN_EVERY = timedelta(minutes=1)
_WINDOW = timedelta(minutes=15)
# Tries in a window: for one person from one place; for one person from everywhere; from one place for everybody.
# The first is the narrowest, so that a stranger cannot keep a person out from elsewhere.
_MOST_TRIES = {"email and address": 10, "email": 50, "address": 100}


def _rate(kind: str, subject: str) -> str:
    # Who it is about is not to be read from the name of a key.
    return f"sign-in:{kind}:{sha256(subject.encode()).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person and the sign-in they came with."""

    user: User
    sign_in: SignIn


class SigningIn:
    """Sign-ins of the console."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        passwords: Passwords | None = None,
        new_token: Callable[[], str] = lambda: secrets.token_urlsafe(32),
    ) -> None:
        self._store = store
        self._clock = clock
        self._passwords = passwords or Passwords()
        self._new_token = new_token

    def sign_in(self, email: str, password: str, *, address: str, browser: str) -> str:
        """Sign a person in, and return the token for their browser.

        Args:
            email, password: as they were typed.
            address: where the request came from.
            browser: what it says it is.

        Raises:
            NotAllowed: too_many_tries, or wrong_sign_in: the same for a wrong password and for a person who does not
                exist, and as slow.
            StoreError: the store could not be asked.
        """
        email = folded(email)[:200]
        self._count_try(email, address)
        user = self._store.users.by_email(email)
        if not self._passwords.matches(user.password_hash if user else "", password[:1000]) or user is None:
            log.info("sign-in refused", address=address)
            raise NotAllowed("wrong_sign_in", "This address and password do not belong together.")
        self._store.rates.forget(_rate("email and address", f"{email} {address}"))
        now = self._clock.now()
        rehashed = self._passwords.hash_of(password) if self._passwords.is_outdated(user.password_hash) else None
        self._store.users.change(
            user.id,
            lambda current: replace(
                current, signed_in_at=now, password_hash=rehashed if rehashed else current.password_hash
            ),
        )
        return self.begin(user, address=address, browser=browser)

    def begin(self, user: User, *, address: str, browser: str) -> str:
        """Begin a sign-in of a person who is known to be them. Returns the token. Raises StoreError."""
        token, now = self._new_token(), self._clock.now()
        sign_in = SignIn(id_of(token), user.id, now, now, now + LIFE, address, browser[:200])
        self._store.sign_ins.keep(sign_in, idle=IDLE)
        return token

    def who(self, token: str) -> SignedIn | None:
        """The person a token stands for, or None when the sign-in ended. Raises StoreError."""
        sign_in = self._store.sign_ins.find(id_of(token))
        now = self._clock.now()
        if sign_in is None or now >= sign_in.ends_at or now - sign_in.seen_at >= IDLE:
            return None
        user = self._store.users.find(sign_in.user_id)
        if user is None:
            return None
        if now - sign_in.seen_at >= _SEEN_EVERY:
            sign_in = self._store.sign_ins.seen(sign_in, now, idle=IDLE)
        return SignedIn(user, sign_in)

    def all_of(self, user: User) -> Sequence[SignIn]:
        """The sign-ins of a person, newest first. Raises StoreError."""
        now = self._clock.now()
        return [each for each in self._store.sign_ins.of(user.id) if now < each.ends_at and now - each.seen_at < IDLE]

    def end(self, user: User, sign_in_id: str) -> None:
        """End one sign-in of a person. Raises NotAllowed: not_found; StoreError."""
        if not self._store.sign_ins.end(user.id, sign_in_id):
            raise NotAllowed("not_found", "This sign-in has ended already.")

    def end_others(self, signed_in: SignedIn) -> int:
        """End all of a person's sign-ins but this one. Returns how many. Raises StoreError."""
        return self._store.sign_ins.end_all(signed_in.user.id, but=signed_in.sign_in.id)

    def _count_try(self, email: str, address: str) -> None:
        subjects = {"email and address": f"{email} {address}", "email": email, "address": address}
        tries = {kind: self._store.rates.take(_rate(kind, who), 1, _WINDOW)[0] for kind, who in subjects.items()}
        if any(tries[kind] > most for kind, most in _MOST_TRIES.items()):
            log.warning("too many sign-ins tried", address=address)
            minutes = round(_WINDOW / timedelta(minutes=1))
            raise NotAllowed("too_many_tries", f"Too many tries. Wait {minutes} minutes, then try again.")
