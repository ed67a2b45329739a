"""Logs hold no full number and no secret."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from flask.testing import FlaskClient

from gateway.logs import configure_logs, logger, mask_numbers
from tests.conftest import AUTH_TOKEN
from tests.webhooks import PERSON, text


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the logs write."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logs("json", verbose=True, stream=stream)
    yield stream
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("sentence", "masked"),
    [
        ("to +14155550100 now", "to +1••••••••00 now"),
        ("to 14155550100 now", "to 14•••••••00 now"),
        ("id m0123456789abcdef0123456789abcdef00", "id m0123456789abcdef0123456789abcdef00"),
        ("SM00000000000000000000000000000001", "SM00000000000000000000000000000001"),
        ("port 8000, 1234567 keys", "port 8000, 1234567 keys"),
    ],
)
def test_numbers_in_sentences_are_masked_and_ids_are_not(sentence: str, masked: str) -> None:
    assert mask_numbers(sentence) == masked


def test_no_log_line_names_a_number_or_a_secret(written: io.StringIO, client: FlaskClient) -> None:
    text(client, "STOP")
    logger("test").warning("odd", numbers=[PERSON], nested={"to": PERSON}, auth_token=AUTH_TOKEN)
    try:
        raise ValueError(f"could not text {PERSON}")
    except ValueError:
        logger("test").exception("failed")
    logging.getLogger("library").error("calling %s", PERSON)
    lines = written.getvalue()
    assert lines.count("\n") >= 3
    assert "4155550100" not in lines
    assert AUTH_TOKEN not in lines
    assert all(json.loads(line)["event"] for line in lines.splitlines())
