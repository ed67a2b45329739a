"""The error of files that are no lists, and how much a file may hold."""

from gateway.errors import GatewayError

LONGEST_LINE = 16_000_000
MOST_COLUMNS = 1000


class ListFileError(GatewayError):
    """A file that cannot be read as a list; the text says why."""
