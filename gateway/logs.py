"""Structured logs without full phone numbers and without secrets."""

import json
import logging
import re
import sys
from collections.abc import MutableMapping
from functools import cache
from typing import Any, TextIO

import structlog

from gateway.phone import masked

# "+" and digits, or ten and more digits in a row: what a full number looks like inside a sentence.
_NUMBER = re.compile(r"\+[0-9]{7,15}|(?<![0-9A-Za-z-])[0-9]{10,15}(?![0-9A-Za-z-])")
_SECRET_NAMES = re.compile(r"token|secret|password|authorization|signature|api_key", re.IGNORECASE)


def mask_numbers(text: str) -> str:
    """The text with every phone number in it masked."""
    return _NUMBER.sub(lambda found: masked(found.group()), text)


@cache
def _names_a_secret(name: str) -> bool:
    return _SECRET_NAMES.search(name) is not None


def _hide_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in event:
        if _names_a_secret(name):
            event[name] = "•••"
    return event


class _Line:
    """Renders an event as one line. Numbers are masked in the finished line, wherever they came from."""

    def __init__(self, log_format: str) -> None:
        self._json = log_format == "json"

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
        if self._json:
            return mask_numbers(json.dumps(event, ensure_ascii=False, default=str))
        trace = event.pop("exception", "")
        head = f"{event.pop('timestamp', '')} {event.pop('level', ''):7} {event.pop('event', '')}"
        fields = " ".join([f"{name}={value}" for name, value in event.items()])
        return mask_numbers(f"{head}  {fields}" + (f"\n{trace}" if trace else ""))


def configure_logs(log_format: str, *, verbose: bool = False, stream: TextIO | None = None) -> None:
    """Send our logs and the libraries' to standard error, one line each.

    Args:
        log_format: "json" or "text".
        verbose: also what only a developer wants to know.
        stream: where to write, instead of standard error.
    """
    # A failing handler would print the record as it is, numbers and all.
    logging.raiseExceptions = False
    output = stream or sys.stderr
    level = logging.DEBUG if verbose else logging.INFO
    shared: list[Any] = [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        _hide_secrets,
    ]
    # Our own events go straight to the stream: a third of the time of the way through the standard library.
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *shared, _Line(log_format)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(output),
        cache_logger_on_first_use=stream is None,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _Line(log_format)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These name hosts, paths and job contents at INFO; the gateway logs its own, masked account of the same.
    for chatty in ("twilio", "urllib3", "rq.worker", "rq", "gunicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def logger(name: str) -> Any:
    """A logger. Its messages are events with fields: `log.info("text received", sender=...)`."""
    return structlog.get_logger(module=name)
