"""The scopes that matter to an account."""

from store.directory import Account
from store.scopes import Scope, both_sides


def scopes_for(account: Account, sender: str | None = None, audience: str | None = None) -> tuple[Scope, ...]:
    """The scopes that cover a send of an account from a sender, widest first; without a sender, from any."""
    scopes = [Scope.everything()]
    if sender:
        scopes.append(Scope.of_sender(sender))
    scopes.append(Scope.of_account(account.id))
    if sender:
        scopes.append(Scope.of_account_sender(account.id, sender))
    if audience:
        scopes.append(Scope.of_audience(account.id, audience))
    return both_sides(scopes)


def every_scope_of(account: Account) -> tuple[Scope, ...]:
    """Every scope in which an account may have something about a number, widest first."""
    addresses = [sender.address for sender in account.senders]
    audiences = account.audiences
    return both_sides(
        (
            Scope.everything(),
            *(Scope.of_sender(address) for address in addresses),
            Scope.of_account(account.id),
            *(Scope.of_account_sender(account.id, address) for address in addresses),
            *(Scope.of_audience(account.id, audience) for audience in audiences),
        )
    )
