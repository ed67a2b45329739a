"""The errors of the gateway. Each says what was wrong and what to do, for the person who reads it."""

from collections.abc import Sequence
from datetime import timedelta


class GatewayError(Exception):
    """Something a caller may have to deal with."""


class SettingsError(Exception):
    """The settings cannot be used. Not a GatewayError, so that nothing swallows it: the start stops.

    problems: one sentence each; all of them, not the first.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("These settings have to be changed:\n" + "\n".join(f"  - {problem}" for problem in problems))


class ConfigurationError(GatewayError):
    """A configuration file (`stopgate apply`) that cannot be used. problems: one sentence each, with the place."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("The file was not applied:\n" + "\n".join(f"  - {problem}" for problem in problems))


class WebhookRejected(GatewayError):
    """A webhook that is not from the carrier: 403. The text is for our log, the caller sees a constant."""


class WebhookUnreadable(GatewayError):
    """A webhook from the carrier that cannot be understood: 400."""


class NotAllowed(GatewayError):
    """The request is understood and refused.

    Args:
        code: a stable word for programs.
        sentence: for people.
        facts: what a program may want to know besides.
    """

    def __init__(self, code: str, sentence: str, **facts: object) -> None:
        self.code = code
        self.facts = facts
        super().__init__(sentence)


class CarrierError(GatewayError):
    """A question to a carrier (not a send: those say `Refused`) that it did not answer. The text is for people.

    Args:
        sentence: what happened and what to do.
        again: asking again later may help.
        hopeless: nothing else will be answered either (credentials).
        retry_after: how long the carrier wants to be left alone, when it says so.
    """

    def __init__(
        self, sentence: str, *, again: bool = False, hopeless: bool = False, retry_after: timedelta | None = None
    ) -> None:
        self.again = again
        self.hopeless = hopeless
        self.retry_after = retry_after
        super().__init__(sentence)
