"""Consent changes of many numbers, sent together; each number's is a step of its own, with its journal entries."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from store import keys
from store.addresses import place_of
from store.consent import Change, Outcome, change_keys, detail_payload, milliseconds, outcomes_from
from store.enlisting import day_entry
from store.functions import Call, Functions
from store.pseudonyms import Pseudonyms


class ChangeStore:
    """Changes by the hundred; for one number see ConsentStore.apply."""

    def __init__(self, functions: Functions, pseudonyms: Pseudonyms) -> None:
        self._functions = functions
        self._pseudonyms = pseudonyms

    def apply(
        self, addresses: Sequence[str], changes: Sequence[Change], *, at: datetime, detail: Mapping[str, Any]
    ) -> list[tuple[Outcome, ...]]:
        """Apply the same changes to each of the numbers.

        Args:
            addresses: numbers in E.164 form.
            changes: what is asked for.
            at: when it happened, which is now.
            detail: for the journal.

        Raises:
            StoreError: some may have been changed; repeating is safe.
        """
        if not addresses:
            return []
        answers = self._functions.start([self._call(address, changes, at, detail) for address in addresses]).answers()
        return [outcomes_from(json.loads(answer)) for answer in answers]

    def _call(self, address: str, changes: Sequence[Change], at: datetime, detail: Mapping[str, Any]) -> Call:
        place = place_of(address)
        names = [keys.counters(place.shard)]
        entry = day_entry(place.shard, changes[0].owner if changes else "", at, names)
        change_names, payloads = change_keys(place, changes, len(names) + 1, self._pseudonyms.places_of(address))
        payload = {
            "entry": entry,
            "counters": 1,
            "address": address,
            "member": place.gate_member,
            "field": place.details_field,
            "at": str(milliseconds(at)),
            **detail_payload(detail),
            "changes": payloads,
        }
        return "sg_change", names + change_names, [json.dumps(payload, separators=(",", ":"), ensure_ascii=False)]
