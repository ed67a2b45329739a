"""Twilio's list of messages: the inbound ones, a page at a time.

The API filters by To, From and the day or moment of sending, and by nothing else; direction and messaging service
are for us to look at. For an inbound message "sent" is when Twilio got it.
"""

from typing import Any

from gateway.carriers.base import InboundPage, InboundQuery, InboundText
from gateway.carriers.twilio_errors import asked
from gateway.phone import address_of

# The most the API gives at once.
_PAGE_SIZE = 1000
_WHAT = "its list of texts"


def inbound_page(client: Any, query: InboundQuery) -> InboundPage:
    """One page of inbound texts, without what the list does not say (OptOutType).

    Raises:
        CarrierError: there is no answer.
    """
    page = asked(_WHAT, lambda: _page(client.messages, query))
    texts = asked(_WHAT, lambda: [_text(message) for message in page if _is_inbound(message)])
    return InboundPage(texts, page.next_page_url or "")


def _page(messages: Any, query: InboundQuery) -> Any:
    if query.page:
        return messages.get_page(query.page)
    filters: dict[str, Any] = {"date_sent_after": query.since, "page_size": _PAGE_SIZE}
    if query.sender:
        filters["to"] = query.sender
    if query.until:
        filters["date_sent_before"] = query.until
    return messages.page(**filters)


def _is_inbound(message: Any) -> bool:
    # Without both addresses there is nobody whose text it could be.
    return bool(str(message.direction) == "inbound" and message.sid and message.from_ and message.to)


def _text(message: Any) -> InboundText:
    media = str(message.num_media or "0")
    return InboundText(
        carrier="twilio",
        carrier_id=str(message.sid),
        sender=address_of(str(message.to)),
        address=address_of(str(message.from_)),
        body=str(message.body or "").replace("\x00", ""),
        service=str(message.messaging_service_sid or ""),
        media=int(media) if media.isdigit() and len(media) < 4 else 0,
        received_at=message.date_sent or message.date_created,
    )
