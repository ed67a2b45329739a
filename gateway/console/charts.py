"""Charts as numbers: where each bar stands, for templates that draw them as SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

WIDTH, HEIGHT = 640, 180
_TOP, _BOTTOM, _LEFT = 10, 22, 40
_GAP = 0.28


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a bar. series: which colour. said: what it stands for, in words."""

    series: str
    x: float
    y: float
    width: float
    height: float
    said: str


@dataclass(frozen=True, slots=True)
class Bars:
    """Stacked bars. ticks: position and label of the lines; labels: position and text under the bars."""

    pieces: Sequence[Piece]
    ticks: Sequence[tuple[float, str]]
    labels: Sequence[tuple[float, str]]
    empty: bool


def stacked_bars(days: Sequence[tuple[date, Mapping[str, int]]], words: Mapping[str, str]) -> Bars:
    """Bars of days, their parts one upon another.

    Args:
        days: a day, and how much of each series.
        words: the series from below upwards, and what each is called.
    """
    most = max((sum(parts.values()) for _, parts in days), default=0)
    top = _round_up(most)
    step = (WIDTH - _LEFT) / max(len(days), 1)
    scale = (HEIGHT - _TOP - _BOTTOM) / top
    pieces = []
    for position, (day, parts) in enumerate(days):
        base = float(HEIGHT - _BOTTOM)
        for series, name in words.items():
            height = parts.get(series, 0) * scale
            if height:
                base -= height
                x = _LEFT + (position + _GAP / 2) * step
                said = f"{day.day} {day:%B}: {parts[series]:,} {name}"
                width = step * (1 - _GAP)
                pieces.append(Piece(series, round(x, 1), round(base, 1), round(width, 1), round(height, 1), said))
    ticks = [(round(HEIGHT - _BOTTOM - value * scale, 1), f"{value:,}") for value in sorted({0, top // 2, top})]
    every = max(1, len(days) // 7)
    labels = [
        (round(_LEFT + (position + 0.5) * step, 1), f"{day.day} {day:%b}")
        for position, (day, _) in enumerate(days)
        if position % every == 0
    ]
    return Bars(pieces, ticks, labels, empty=most == 0)


def _round_up(most: int) -> int:
    """The next round number: 1, 2, 4, 6, 8, 10, 20, ..."""
    size = 10 ** max(len(str(most)) - 1, 0)
    return next((step * size for step in (1, 2, 4, 6, 8, 10) if step * size >= max(most, 4)), 4)
