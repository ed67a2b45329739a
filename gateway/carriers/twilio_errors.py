"""What twilio's own client raises when a question is not answered, as our CarrierError."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from gateway.errors import CarrierError

_Answer = TypeVar("_Answer")


def asked(what: str, question: Callable[[], _Answer]) -> _Answer:
    """The answer to a question.

    Args:
        what: what was asked for, to go into the sentence ("its list of texts").
        question: calls twilio's client.

    Raises:
        CarrierError: there was none.
    """
    from twilio.base.exceptions import TwilioException

    try:
        return question()
    except (TwilioException, OSError, ValueError) as error:
        raise _carrier_error(what, error) from None


def _carrier_error(what: str, error: Exception) -> CarrierError:
    status, code, headers = _facts(error)
    if status is None:
        return CarrierError(f"Twilio could not be reached for {what} ({type(error).__name__}).", again=True)
    shown = f"HTTP {status}" + (f", code {code}" if code and code != str(status) else "")
    if status == 401:
        return CarrierError(
            f"Twilio did not accept the credentials for {what} ({shown}). Check TWILIO_ACCOUNT_SID and "
            "TWILIO_AUTH_TOKEN, or TWILIO_API_KEY and TWILIO_API_SECRET.",
            hopeless=True,
        )
    if status == 403:
        return CarrierError(
            f"Twilio does not let this account use {what} ({shown}). Access may have to be asked for.", hopeless=True
        )
    if status == 429 or status >= 500:
        return CarrierError(
            f"Twilio did not answer for {what} ({shown}).", again=True, retry_after=_retry_after(headers)
        )
    return CarrierError(f"Twilio refused {what} ({shown}).")


def _facts(error: Exception) -> tuple[int | None, str, Mapping[str, str]]:
    """HTTP status, Twilio's code and the headers; listing puts the whole response into the exception."""
    response: Any = error.args[1] if len(error.args) > 1 else None
    status = getattr(response, "status_code", None)
    if isinstance(status, int):
        # A page that is not JSON although it says 200 is a proxy's, and may be another one next time.
        return (status if status != 200 else 502), "", getattr(response, "headers", None) or {}
    status = getattr(error, "status", None)
    return (status if isinstance(status, int) else None), str(getattr(error, "code", "") or ""), {}


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    value = headers.get("Retry-After", "")
    return timedelta(seconds=int(value)) if value.isdigit() and len(value) < 5 else None
