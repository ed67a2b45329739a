"""Reading the directory for a text or a send: whose sender it is."""

from collections.abc import Sequence

from store.directory import Account, Directory, DirectoryStore, Sender


def owners_of(directory: DirectoryStore, address: str, service: str = "") -> Sequence[tuple[Account, Sender]]:
    """The accounts on a sender, named by its own address or by the messaging service it is in.

    A sender that is not known is looked up once more in the directory of this moment: it may be new.
    Raises StoreError.
    """
    return _owners(directory.current(), address, service) or _owners(directory.current(fresh=True), address, service)


def _owners(directory: Directory, address: str, service: str) -> Sequence[tuple[Account, Sender]]:
    found = directory.by_sender.get(address, ())
    if not found and service:
        found = directory.by_sender.get(service, ())
    return found
