"""The incoming report as a file: every text that came in, what was made of it and why."""

from collections.abc import Iterator

from gateway.lists.writing import Cell, Column, ColumnKind, Format, WriteOptions
from gateway.message_words import OUTCOMES, REPLIES, decided
from gateway.texts import TextQuery, Texts
from store.messages import Message

TITLE = "Incoming texts"
COLUMNS = (
    Column("received_at", ColumnKind.MOMENT, 19),
    Column("number", ColumnKind.PHONE, 16),
    Column("sender", ColumnKind.PHONE, 16),
    Column("text", width=48),
    Column("decision", width=10),
    Column("outcome", width=18),
    Column("rule", width=22),
    Column("explanation", width=48),
    Column("reply", width=30),
    Column("review", width=12),
    Column("id", width=20),
)


def rows_of(texts: Texts, account: str, query: TextQuery) -> Iterator[tuple[Cell, ...]]:
    """The report's rows, newest first, read as they are taken. Raises StoreError."""
    return (_row(message) for message in texts.walk(account, query))


def write(texts: Texts, account: str, query: TextQuery, form: Format, *, bom: bool = False) -> Iterator[bytes]:
    """The report as a file, piece by piece. bom: see WriteOptions. Raises StoreError at once when nothing answers."""
    rows = rows_of(texts, account, query)
    return form.begin(COLUMNS, rows, WriteOptions(title=TITLE, bom=bom))


def _row(message: Message) -> tuple[Cell, ...]:
    made = decided(message)
    return (
        message.created_at,
        message.address,
        message.sender,
        message.body,
        made.action,
        OUTCOMES[made.outcome],
        made.rule,
        made.explanation,
        REPLIES.get(made.reply, made.reply),
        made.review or None,
        message.id,
    )
