"""The only place where key names are made. README.md lists them with type, meaning, lifetime and writer.

Everything about one number carries the number's shard as its hash tag, so that one server-side function can
decide about it on one server and on a cluster alike.
"""

from store.addresses import Place
from store.scopes import Channel, Scope

SHARDS = tuple(f"{number:02d}" for number in range(100))
HOLD = "hold"


def gate(place: Place, scope: Scope, channel: Channel) -> str:
    """Set of the blocked members of one bucket."""
    return f"{{{place.shard}}}:{gate_index(scope, channel)}:{place.gate_bucket}"


def gate_index(scope: Scope, channel: Channel) -> str:
    """What the keys of a gate index have between their shard and their bucket."""
    return f"gate:{channel}:{scope.key}"


def hold(place: Place, scope: Scope) -> str:
    """Set of the members of one bucket that wait for a person's decision."""
    return f"{{{place.shard}}}:gate:{HOLD}:{scope.key}:{place.gate_bucket}"


def details(place: Place, scope: Scope) -> str:
    """Hash of the packed details of one bucket."""
    return f"{{{place.shard}}}:details:{scope.key}:{place.details_bucket}"


def journal(shard: str, owner: str) -> str:
    """Stream of consent changes of one account, or of one shared sender ("@" and its address)."""
    return f"{{{shard}}}:journal:{owner}"


def behind(shard: str) -> str:
    """Sorted set of the journals' owners with entries that were not followed yet, by when the oldest came."""
    return f"{{{shard}}}:behind"


def followed(shard: str) -> str:
    """Hash of how far each journal was followed: owner to entry."""
    return f"{{{shard}}}:followed"


def following(shard: str) -> str:
    """Lease of the one that follows the journals of a shard just now."""
    return f"{{{shard}}}:following"


def members(shard: str) -> str:
    """Hash of how many members each gate index of the shard has, by "channel:scope"; fields are never removed.

    A field "erased:channel:scope" says that pseudonyms of erased numbers may be among them.
    """
    return f"{{{shard}}}:members"


def rewriting(shard: str, owner: str, token: str) -> str:
    """Stream: the copy of a journal that an erasure makes, until it takes its place."""
    return f"{{{shard}}}:rewriting:{owner}:{token}"


def batch(shard: str, batch_id: str) -> str:
    """Hash of the journal entries of one import in this shard, with what an undo of each did."""
    return f"{{{shard}}}:batch:{batch_id}"


def import_mark(shard: str, batch_id: str) -> str:
    """Hash of what the parts of an import's newest block answered, so that a part can be sent again."""
    return f"{{{shard}}}:importing:{batch_id}"


def import_seen(shard: str, batch_id: str, gate_bucket: str) -> str:
    """Set of the members an import has brought so far, to tell duplicates in the file."""
    return f"{{{shard}}}:importing:{batch_id}:{gate_bucket}"


def import_tried(shard: str, batch_id: str, channel: str, gate_bucket: str) -> str:
    """Set of the members a dry run would have blocked so far, as the gate index would hold them."""
    return f"{{{shard}}}:importing:{batch_id}:{channel}:{gate_bucket}"


def outbox(shard: str) -> str:
    """Sorted set of effects that are still to be done, by the time they are due."""
    return f"{{{shard}}}:outbox"


def counters(shard: str) -> str:
    """Hash of counters, summed over the shards by /metrics."""
    return f"{{{shard}}}:counters"


def seen(shard: str, carrier: str, carrier_id: str) -> str:
    """Mark of an inbound text that was handled, with its result."""
    return f"{{{shard}}}:seen:{carrier}:{carrier_id}"


def message(shard: str, message_id: str) -> str:
    """Hash of one message."""
    return f"{{{shard}}}:message:{message_id}"


def timeline(shard: str, message_id: str) -> str:
    """List of what happened to one outbound message."""
    return f"{{{shard}}}:timeline:{message_id}"


def thread(shard: str, account: str, address: str) -> str:
    """Stream of the messages between one account and one address."""
    return f"{{{shard}}}:thread:{account}:{address}"


def texts(shard: str, account: str, direction: str) -> str:
    """Sorted set of the texts of one account in one direction, by when they were sent."""
    return f"{{{shard}}}:texts:{account}:{direction}"


def conversations(shard: str, account: str) -> str:
    """Sorted set of the addresses one account has texts with, by their last text."""
    return f"{{{shard}}}:conversations:{account}"


def unanswered(shard: str, account: str) -> str:
    """Sorted set of the addresses whose last own words nobody answered, by when they came."""
    return f"{{{shard}}}:unanswered:{account}"


def days(shard: str, account: str, month: str) -> str:
    """Hash of the figures of one account in one month ("202611"), by day and what is counted."""
    return f"{{{shard}}}:days:{account}:{month}"


def audience(place: Place, account: str, name: str) -> str:
    """Set of the members of one bucket that are in an audience."""
    return f"{{{place.shard}}}:audience:{account}/{name}:{place.gate_bucket}"


def audience_sizes(shard: str) -> str:
    """Hash of how many numbers of the shard are in each audience, by "account/audience"."""
    return f"{{{shard}}}:audience_sizes"


def contacts(shard: str, account: str, bucket: str) -> str:
    """Hash of the contacts of one bucket of a home shard: id to version and record."""
    return f"{{{shard}}}:contacts:{account}:{bucket}"


def contact_order(shard: str, account: str) -> str:
    """Sorted set (all scores 0) of the contacts of a home shard: a letter for the order, what it sorts by, the id."""
    return f"{{{shard}}}:contact_order:{account}"


def contacts_of_number(place: Place, account: str) -> str:
    """Hash of the contacts that have a number of one bucket: member to ids."""
    return f"{{{place.shard}}}:contacts_of_number:{account}:{place.gate_bucket}"


def contacts_of_id(shard: str, account: str, bucket: str) -> str:
    """Hash of the contacts with the customer's own ids of one bucket: own id to ids."""
    return f"{{{shard}}}:contacts_of_id:{account}:{bucket}"


def pending(shard: str, sender: str, address: str) -> str:
    """The question a number was asked from a sender and has not answered."""
    return f"{{{shard}}}:pending:{sender}:{address}"


def reviews(shard: str, account: str, *, held: bool) -> str:
    """Sorted set of the texts that a person has to read (or may take back), by when they came."""
    return f"{{{shard}}}:reviews:{'held' if held else 'acted'}:{account}"


def decided(shard: str, account: str) -> str:
    """Sorted set of the held texts that a person decided to be opt-outs, by when: a decision may be undone."""
    return f"{{{shard}}}:decided:{account}"


def waiting(shard: str, account: str, address: str) -> str:
    """Set of one number's texts that wait for a decision; the number is held while it is not empty."""
    return f"{{{shard}}}:waiting:{account}:{address}"


def repeat_mark(shard: str, sender: str, address: str) -> str:
    """Mark: this opt-out has its confirmation."""
    return f"{{{shard}}}:confirmed:{sender}:{address}"


def loop_counter(shard: str, sender: str, address: str) -> str:
    """Count of automatic replies in the current window."""
    return f"{{{shard}}}:replies:{sender}:{address}"


def carrier_id(shard: str, carrier: str, sid: str) -> str:
    """Our message id for the carrier's id."""
    return f"{{{shard}}}:sid:{carrier}:{sid}"


def parked(shard: str, carrier: str, sid: str) -> str:
    """List of delivery reports that came before we knew the carrier's id."""
    return f"{{{shard}}}:parked:{carrier}:{sid}"


ACCOUNTS = "{config}:accounts"
VERSION = "{config}:version"
API_KEYS = "{config}:api_keys"
API_KEYS_USED = "{config}:api_keys_used"
KEYSPACE = "{config}:keyspace"
ERASURE_KEYS = "{config}:erasure_keys"
USERS = "{config}:users"
USER_EMAILS = "{config}:users:by_email"


def import_record(import_id: str) -> str:
    """Hash of one import: what was asked, how far it is, what came of it."""
    return f"{{import:{import_id}}}:record"


def audience_records(account: str) -> str:
    """Hash of what is known of an account's audiences: id to name, sender, times."""
    return f"{{account:{account}}}:audiences"


def broadcast_record(broadcast_id: str) -> str:
    """Hash of one broadcast: what it says and to whom, how far it is."""
    return f"{{broadcast:{broadcast_id}}}:record"


def broadcast_put_off(broadcast_id: str) -> str:
    """Set of the texts that were to be handed over while their broadcast was stopped."""
    return f"{{broadcast:{broadcast_id}}}:put_off"


def broadcasts_of(account: str) -> str:
    """Sorted set of the broadcasts of an account, by when they were made."""
    return f"{{account:{account}}}:broadcasts"


def broadcast_figures(shard: str, broadcast_id: str) -> str:
    """Hash of how many texts of a broadcast there are in a shard, by their status."""
    return f"{{{shard}}}:broadcast:{broadcast_id}"


def left_after(shard: str, account: str) -> str:
    """Sorted set of the texts of broadcasts after which people opted out, by when they did: "broadcast:text"."""
    return f"{{{shard}}}:left:{account}"


def import_report(import_id: str, part: int) -> str:
    """A part of an import's report, compressed."""
    return f"{{import:{import_id}}}:report:{part}"


def upload(upload_id: str, part: int) -> str:
    """A part of an uploaded file, compressed."""
    return f"{{upload:{upload_id}}}:{part}"


def upload_facts(upload_id: str) -> str:
    """What is known of an uploaded file: whose, its name, in how many parts."""
    return f"{{upload:{upload_id}}}:facts"


def number_index(owner: str) -> str:
    """Sorted set of the leaves of an owner's index of numbers: their numbers without the last five digits."""
    return f"{{numbers:{owner}}}:leaves"


def number_leaf(owner: str, leaf: str) -> str:
    """Set of the last five digits of the numbers that begin alike; in the leaf "other" what is no number."""
    return f"{{numbers:{owner}}}:leaf:{leaf}"


def number_index_scopes(owner: str) -> str:
    """Set of the scopes that the owner's journals have named."""
    return f"{{numbers:{owner}}}:scopes"


def number_index_positions(owner: str) -> str:
    """Hash of how far the index of an owner has read each shard's journal."""
    return f"{{numbers:{owner}}}:positions"


def imports_of(account: str) -> str:
    """Sorted set of the imports of an account, by when they were made."""
    return f"{{account:{account}}}:imports"


def idempotency(account: str, key: str) -> str:
    """What an idempotency key was used for."""
    return f"{{account:{account}}}:idempotency:{key}"


def answer(account: str, key: str) -> str:
    """What a request with an Idempotency-Key was answered."""
    return f"{{account:{account}}}:answer:{key}"


def rate(name: str) -> str:
    """Count of requests in the current window."""
    return f"{{rate:{name}}}"


def events(account: str) -> str:
    """Stream of the events of an account, for those who fetch them."""
    return f"{{account:{account}}}:events"


def event(account: str, event_id: str) -> str:
    """One event of an account."""
    return f"{{account:{account}}}:event:{event_id}"


def endpoints(account: str) -> str:
    """Hash of the addresses that an account's events are sent to."""
    return f"{{account:{account}}}:endpoints"


def delivery(account: str, delivery_id: str) -> str:
    """Hash of what became of one event on its way to one endpoint."""
    return f"{{account:{account}}}:delivery:{delivery_id}"


def deliveries(account: str, endpoint: str) -> str:
    """Sorted set of the events that went to an endpoint, by when they were first to go."""
    return f"{{account:{account}}}:deliveries:{endpoint}"


def unrouted() -> str:
    """Stream of texts to senders nobody has configured."""
    return "{config}:unrouted"


def reconciliation(carrier: str) -> str:
    """Hash of what is known of reconciling with a carrier: how far, when last, how much."""
    return f"{{config}}:reconciliation:{carrier}"


def reconciliation_lock(carrier: str) -> str:
    """Token of the one that reconciles with a carrier just now."""
    return f"{{config}}:reconciliation:{carrier}:lock"


def pushed(shard: str, account: str) -> str:
    """Hash of the opt-outs of one account that a carrier was told of, by sender and number."""
    return f"{{{shard}}}:pushed:{account}"


def sign_in(sign_in_id: str) -> str:
    """One sign-in that has not ended."""
    return f"{{config}}:sign_in:{sign_in_id}"


def sign_ins_of(user: str) -> str:
    """Sorted set of a person's sign-ins, by when they end at the latest."""
    return f"{{config}}:sign_ins:{user}"


def configuration_journal(account: str) -> str:
    """Stream of changes of an account's configuration."""
    return f"{{account:{account}}}:configuration"


def configuration_newest(account: str) -> str:
    """Hash of the latest change of each part of an account's configuration."""
    return f"{{account:{account}}}:configuration:newest"
