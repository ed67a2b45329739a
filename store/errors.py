"""What can go wrong with the store. Callers fail closed: no answer is never "not opted out"."""


class StoreError(Exception):
    """The store could not answer."""


class StoreUnreachable(StoreError):
    """No connection, or it broke before the answer came. A write may or may not have happened."""


class StoreMisconfigured(StoreError):
    """The server cannot give what was promised (durability, eviction, functions)."""


class StillIndexing(StoreError):
    """A list by number is being brought up to date after a large import; asking again in a few seconds helps."""
