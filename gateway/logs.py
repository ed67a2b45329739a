"""Structured logs without full phone numbers and without secrets."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from gateway.phone import masked

# "+" and digits, or ten and more digits in a row: what a full number looks like inside a sentence.
_NUMBER = re.compile(r"\+[0-9]{7,15}|(?<![0-9A-Za-z-])[0-9]{10,15}(?![0-9A-Za-z-])")
_SECRET_NAMES = re.compile(r"token|secret|password|authorization|signature|api_key", re.IGNORECASE)


def mask_numbers(text: str) -> str:
    """The text with every phone number in it masked."""
    return _NUMBER.sub(lambda found: masked(found.group()), text)


def _clean(value: Any) -> Any:
    match value:
        case str():
            return mask_numbers(value)
        case dict():
            return {name: _clean(item) for name, item in value.items()}
        case list() | tuple():
            return [_clean(item) for item in value]
    return value


def _mask(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        event[name] = "•••" if _SECRET_NAMES.search(name) else _clean(value)
    return event


def configure_logs(log_format: str, *, verbose: bool = False, stream: TextIO | None = None) -> None:
    """Send our logs and the libraries' to standard error, one line each.

    Args:
        log_format: "json" or "text".
        verbose: also what only a developer wants to know.
        stream: where to write, instead of standard error.
    """
    # A failing handler would print the record as it is, numbers and all.
    logging.raiseExceptions = False
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _mask,
    ]
    renderer: Any = structlog.processors.JSONRenderer()
    if log_format == "text":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    # These name hosts, paths and job contents at INFO; the gateway logs its own, masked account of the same.
    for chatty in ("twilio", "urllib3", "rq.worker", "rq", "gunicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def logger(name: str) -> Any:
    """A logger. Its messages are events with fields: `log.info("text received", sender=...)`."""
    return structlog.stdlib.get_logger(name)
