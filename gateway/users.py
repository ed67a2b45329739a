"""People who sign in: adding them, their roles, their passwords."""

import re
from collections.abc import Callable
from dataclasses import replace

from gateway.clock import Clock
from gateway.configuration_journal import write_down
from gateway.errors import NotAllowed
from gateway.passwords import Passwords, one_time_password, problem_with
from gateway.roles import OWNER, ROLES
from store import Store
from store.users import EVERY_ACCOUNT, EmailTaken, User

FIRST_NAME = "admin"
"""What the first person signs in as, until they say who they are."""
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_LONGEST = 200


def folded(email: str) -> str:
    """An address as it is compared."""
    return email.strip().casefold()


def is_email(email: str) -> bool:
    """True for what looks like an email address."""
    address = folded(email)
    return len(address) <= _LONGEST and _EMAIL.fullmatch(address) is not None


def _address(email: str) -> str:
    address = folded(email)
    if not is_email(address):
        raise NotAllowed("bad_email", f"{email[:60]!r} is not an email address.")
    return address


def _taken(address: str) -> NotAllowed:
    return NotAllowed("email_taken", f"{address} can sign in already. Give that person a role instead.")


class Users:
    """The people of an installation."""

    def __init__(
        self, store: Store, clock: Clock, new_id: Callable[[], str], *, passwords: Passwords | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._passwords = passwords or Passwords()
        self._new_id = new_id

    def first_start(self) -> str | None:
        """On an installation without people, make its first owner. Returns the one-time password, else None.

        Raises StoreError.
        """
        if self._store.users.all():
            return None
        password = one_time_password()
        try:
            self._store.users.add(self._new(FIRST_NAME, "Admin", {EVERY_ACCOUNT: OWNER}, password))
        except EmailTaken:  # another process was quicker
            return None
        return password

    def add(self, email: str, name: str, account: str, role: str, *, actor: str) -> tuple[User, str]:
        """Add a person, and return them with the password for their first sign-in.

        Args:
            email: what they sign in with.
            name: what colleagues call them; "" for the address.
            account: where they have the role, or store.users.EVERY_ACCOUNT.
            role: one of roles.ROLES.
            actor: who adds them.

        Raises:
            NotAllowed: bad_email, email_taken, unknown_account or unknown_role.
            StoreError: it is unknown whether it was written.
        """
        address = _address(email)
        self._check(account, role)
        password = one_time_password()
        user = self._new(address, name.strip()[:_LONGEST] or address.partition("@")[0], {account: role}, password)
        try:
            self._store.users.add(user)
        except EmailTaken:
            raise _taken(address) from None
        self._write_down(account, actor, user, before="", after=role)
        return user, password

    def invite(self, email: str, name: str, account: str, role: str, *, actor: str) -> User:
        """Add a person without a password, who cannot sign in until `reset_password`. Arguments and errors as `add`."""
        address = _address(email)
        self._check(account, role)
        user = self._new(address, name.strip()[:_LONGEST] or address.partition("@")[0], {account: role}, None)
        try:
            self._store.users.add(user)
        except EmailTaken:
            raise _taken(address) from None
        self._write_down(account, actor, user, before="", after=role)
        return user

    def give_role(self, user: User, account: str, role: str, *, actor: str) -> User:
        """Give a person a role in an account, "" for none.

        Raises:
            NotAllowed: unknown_account, unknown_role, or last_owner.
            StoreError: it is unknown whether it was written.
        """
        if role:
            self._check(account, role)
        before = user.memberships.get(account, "")
        if before == OWNER and role != OWNER:
            self._keep_an_owner(user, account)
        others = {name: held for name, held in user.memberships.items() if name != account}
        changed = self._store.users.change(
            user.id, lambda current: replace(current, memberships={**others, **({account: role} if role else {})})
        )
        if not role:
            self._store.sign_ins.end_all(user.id)
        self._write_down(account, actor, user, before=before, after=role)
        return changed

    def remove(self, user: User, *, actor: str) -> None:
        """Remove a person and end their sign-ins. What they did stays in the journals.

        Raises:
            NotAllowed: last_owner.
            StoreError: it is unknown whether it was written.
        """
        for account in user.memberships:
            self._keep_an_owner(user, account)
        self._store.sign_ins.end_all(user.id)
        self._store.users.remove(user)
        for account, role in user.memberships.items():
            self._write_down(account, actor, user, before=role, after="")

    def reset_password(self, user: User, *, actor: str) -> str:
        """Give a person a password for one sign-in and end those they have. Returns it. Raises StoreError."""
        password = one_time_password()
        self._set_password(user, password, must_change=True)
        self._store.sign_ins.end_all(user.id)
        for account in user.memberships:
            self._write_down(account, actor, user, before="password", after="one-time password")
        return password

    def change_password(
        self, user: User, old: str, new: str, *, keep: str = "", introduce: tuple[str, str] | None = None
    ) -> User:
        """Change one's own password; all sign-ins end, but for one.

        Args:
            user: the person.
            old, new: passwords as they were typed.
            keep: the sign-in that does not end.
            introduce: email and name, of the first person who says who they are.

        Raises:
            NotAllowed: wrong_password; weak_password with what to do; bad_email or email_taken.
            StoreError: it is unknown whether it was written.
        """
        if not self._passwords.matches(user.password_hash, old):
            raise NotAllowed("wrong_password", "This is not your password of now.")
        email, name = introduce or (user.email, user.name)
        problem = problem_with(new, email=email, name=name)
        if old == new:
            problem = "Choose another one than the one you have."
        if problem:
            raise NotAllowed("weak_password", problem)
        if introduce:
            self._introduce(user, email, name)
        changed = self._set_password(user, new, must_change=False)
        self._store.sign_ins.end_all(user.id, but=keep)
        return changed

    def in_account(self, account: str) -> list[User]:
        """Everybody with a role in an account, those with a role in all included. Raises StoreError."""
        return [user for user in self._store.users.all() if user.role_in(account)]

    def _new(self, email: str, name: str, memberships: dict[str, str], password: str | None) -> User:
        return User(
            id=self._new_id(),
            email=email,
            name=name,
            password_hash=self._passwords.hash_of(password) if password else "",
            memberships=memberships,
            must_change_password=True,
            created_at=self._clock.now(),
        )

    def _introduce(self, user: User, email: str, name: str) -> None:
        address = _address(email)
        try:
            shown = name.strip()[:_LONGEST] or address.partition("@")[0]
            self._store.users.change(user.id, lambda current: replace(current, email=address, name=shown))
        except EmailTaken:
            raise _taken(address) from None

    def _set_password(self, user: User, password: str, *, must_change: bool) -> User:
        password_hash = self._passwords.hash_of(password)
        return self._store.users.change(
            user.id,
            lambda current: replace(current, password_hash=password_hash, must_change_password=must_change),
        )

    def _check(self, account: str, role: str) -> None:
        if role not in ROLES:
            raise NotAllowed("unknown_role", f"Roles are: {', '.join(ROLES)}.")
        if account != EVERY_ACCOUNT and account not in self._store.directory.current(fresh=True).accounts:
            raise NotAllowed("unknown_account", f"There is no account {account!r}.")

    def _keep_an_owner(self, user: User, account: str) -> None:
        if user.memberships.get(account) != OWNER:
            return
        owners = [each for each in self._store.users.all() if each.id != user.id and each.role_in(account) == OWNER]
        if not owners:
            raise NotAllowed("last_owner", "Somebody has to be the owner. Make another person one first.")

    def _write_down(self, account: str, actor: str, user: User, *, before: str, after: str) -> None:
        now = self._clock.now()
        write_down(self._store, account, now, actor, area="users", name=user.email, before=before, after=after)
