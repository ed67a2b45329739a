"""The accounts of the example, as an operator writes them down for `stopgate apply`."""

LOCAL, SHORT_CODE, NEIGHBOUR = "+12025550142", "72975", "+12025550188"
"""Riverside's own number, the short code that it shares with Harbor Cafe, and Harbor Cafe's number."""

# Riverside Books is the account of the first start, with more in it; Harbor Cafe is a stranger on the same short code.
ACCOUNTS = f"""
[[accounts]]
id = "demo"
name = "Riverside Books"
default_country = "US"
[accounts.settings]
help_contact = "call +1 202 555 0199"
[[accounts.senders]]
address = "{LOCAL}"
carrier = "simulator"
kind = "long_code"
keywords_handled_by = "gateway"
[[accounts.senders]]
address = "{SHORT_CODE}"
carrier = "simulator"
kind = "short_code"
[[accounts.keywords]]
word = "HOURS"
action = "reply"
reply = "Riverside Books: open Monday to Saturday, 9 to 7. Reply STOP to cancel."
[[accounts.keywords]]
word = "BOOKS"
action = "join"
audience = "book-club"
[[accounts.audiences]]
id = "book-club"
name = "Book club"
[[accounts.audiences]]
id = "story-time"
name = "Story time"

[[accounts]]
id = "harbor"
name = "Harbor Cafe"
default_country = "US"
[[accounts.senders]]
address = "{NEIGHBOUR}"
carrier = "simulator"
kind = "long_code"
keywords_handled_by = "gateway"
[[accounts.senders]]
address = "{SHORT_CODE}"
carrier = "simulator"
kind = "short_code"
"""
