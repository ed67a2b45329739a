"""Writing down who changed which part of the configuration, from what to what."""

from datetime import datetime

from store import Store
from store.configuration_journal import ConfigurationChange


def write_down(
    store: Store, account: str, at: datetime, actor: str, *, area: str, name: str, before: str, after: str
) -> None:
    """Write a change into the configuration journal; nothing, when nothing changed.

    Args:
        store: where it is kept.
        account: whose configuration, or store.configuration_journal.INSTALLATION.
        at: when.
        actor: who ("user ada@example.com", "operator", "api key 1f...").
        area: settings, replies, keywords, senders, users or keys.
        name: what was changed in it.
        before, after: as people read them; "" for not there.

    Raises:
        StoreError: it is unknown whether it was written.
    """
    if before != after:
        store.configuration_journal.append(
            account, ConfigurationChange(at, actor, area=area, name=name, before=before, after=after)
        )
