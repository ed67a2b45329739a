"""Questions that many numbers were asked and have not answered; for that of one text see store/inbound.py."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from store import keys
from store.addresses import shard_of
from store.bulk import read_many
from store.functions import Functions
from store.topology import Topology


class AskedQuestion(NamedTuple):
    """An open question: whom it was asked, from which sender, and what it is, as it is kept."""

    address: str
    sender: str
    text: str


class QuestionStore:
    """Open questions."""

    def __init__(self, topology: Topology, functions: Functions) -> None:
        self._topology = topology
        self._functions = functions

    def open_to(self, addresses: Sequence[str], senders: Iterable[str]) -> list[AskedQuestion]:
        """The open questions of senders to numbers, in one round trip. Raises StoreError."""
        asked = [(address, sender) for sender in senders for address in addresses]
        names = [keys.pending(shard_of(address), sender, address) for address, sender in asked]
        answers = read_many(self._topology, [(name, ("GET", name)) for name in names]) if names else []
        return [
            AskedQuestion(address, sender, text.decode())
            for (address, sender), text in zip(asked, answers, strict=True)
            if text is not None
        ]

    def close(self, question: AskedQuestion) -> bool:
        """Close a question, unless there is another by now. Raises StoreError."""
        name = keys.pending(shard_of(question.address), question.sender, question.address)
        return bool(self._functions.call_raw("sg_close_question", [name], question.text))
