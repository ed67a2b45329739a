"""Links by which a person opts out: for senders that cannot receive texts (alphanumeric ids), and for print.

A link belongs to one number, one account and one sender. It names them in its signed token and not in the store, so
that it works for as long as the installation's secret key does (CA-4 asks for 60 days), also when the text it came with
is long gone. Who has the link had the text or the letter: what it does counts as the person's own word (G5).
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from gateway.account_settings import revokes_all, setting_of
from gateway.clock import Clock
from gateway.consent import Consent
from gateway.errors import NotAllowed
from store import Store
from store.consent import Block, Outcome, Source
from store.directory import Account, Sender
from store.scopes import ALL_CHANNELS, Channel

VARIABLE = "{opt_out_link}"
"""What a text to be sent may contain; the person's own link takes its place."""

_NUMBER_BYTES, _NAME_BYTES, _MAC_BYTES = 8, 4, 8
_CANNOT_RECEIVE = {"alphanumeric", "messaging_service"}


@dataclass(frozen=True, slots=True)
class LinkTarget:
    """Whom a link opts out, and of what."""

    account: Account
    sender: Sender
    number: str

    @property
    def receives(self) -> bool:
        """True when the person can text the sender, so that START is the way back."""
        return self.sender.kind not in _CANNOT_RECEIVE


class OptOutLinks:
    """Makes links and does what they say."""

    def __init__(self, store: Store, clock: Clock, consent: Consent, *, secret: str, public_url: str | None) -> None:
        self._store = store
        self._clock = clock
        self._consent = consent
        self._secret = secret.encode()
        self._public_url = public_url

    def link(self, account: Account, sender: str, number: str) -> str:
        """The link of a person.

        Args:
            account: who texts.
            sender: one of its senders.
            number: the person's, in E.164 form.

        Raises:
            NotAllowed: no_public_url or unknown_sender.
        """
        if not self._public_url:
            raise NotAllowed(
                "no_public_url", "An opt-out link needs STOPGATE_PUBLIC_URL, the address people reach this server by."
            )
        if not any(known.address == sender for known in account.senders):
            raise NotAllowed("unknown_sender", f"{sender} is not a sender of this account.")
        return f"{self._public_url}/o/{self._token(account.id, sender, number)}"

    def filled(self, account: Account, sender: str, number: str, body: str) -> str:
        """A text with the person's link in the place of `{opt_out_link}`. Raises as `link` does."""
        return body.replace(VARIABLE, self.link(account, sender, number)) if VARIABLE in body else body

    def read(self, token: str) -> LinkTarget | None:
        """Whom a token is about; None for one that we did not make, or whose sender is gone. Raises StoreError."""
        try:
            raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            return None
        body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if len(body) != _NUMBER_BYTES + 2 * _NAME_BYTES or not hmac.compare_digest(mac, self._mac(body)):
            return None
        number = f"+{int.from_bytes(body[:_NUMBER_BYTES])}"
        account_digest = body[_NUMBER_BYTES : _NUMBER_BYTES + _NAME_BYTES]
        for account in self._store.directory.current().accounts.values():
            if _digest(account.id) == account_digest:
                for sender in account.senders:
                    if _digest(sender.address) == body[-_NAME_BYTES:]:
                        return LinkTarget(account, sender, number)
        return None

    def _token(self, account: str, sender: str, number: str) -> str:
        body = int(number[1:]).to_bytes(_NUMBER_BYTES) + _digest(account) + _digest(sender)
        return urlsafe_b64encode(body + self._mac(body)).decode().rstrip("=")

    def _mac(self, body: bytes) -> bytes:
        return hmac.new(self._secret, body, sha256).digest()[:_MAC_BYTES]

    def blocked_by(self, target: LinkTarget) -> Block | None:
        """What blocks texts of the sender to the person now, or None. Raises StoreError."""
        (result,) = self._consent.check(target.account, [target.number], sender=target.sender.address)
        return result.block

    def opt_out(self, target: LinkTarget) -> tuple[Outcome, ...]:
        """Opt the person out, as far as a STOP to the sender would reach. Repeating it changes nothing.

        Raises:
            StoreError: it is unknown whether it was written; repeating is safe.
        """
        settings, now = target.account.settings, self._clock.now()
        channels = ALL_CHANNELS if setting_of(settings, "text_stop_blocks_voice") else (Channel.TEXT,)
        narrow = setting_of(settings, "stop_scope") == "sender" and not revokes_all(settings, now.date())
        return self._consent.opt_out(
            target.account,
            target.number,
            source=Source.LINK,
            actor="the person, by their link",
            channels=channels,
            sender=target.sender.address if narrow else None,
            note=_note(target, now),
        )


def _digest(name: str) -> bytes:
    return sha256(name.encode()).digest()[:_NAME_BYTES]


def _note(target: LinkTarget, now: datetime) -> str:
    return f"Opt-out link of {target.sender.address} used at {now:%d %B %Y, %H:%M:%S} UTC."
