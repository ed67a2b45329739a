"""One slip of the finger: the mistypings a phone keyboard makes of a word.

In 7,376 real opt-outs of one campaign mistyped keywords ("Wuit2End", "Dtop", "Sto") are most of
what is left once keywords and compounds are understood. CT-2: small variances do not make a request invalid.
"""

from collections.abc import Iterator

_KEYBOARD_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SHORT = 3
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _neighbours() -> dict[str, str]:
    places = {letter: (x, y) for y, row in enumerate(_KEYBOARD_ROWS) for x, letter in enumerate(row)}
    near: dict[str, str] = {}
    for letter, (x, y) in places.items():
        # The row below is shifted to the right by half a key: it has neighbours at the same place and one to the left.
        around = ((x - 1, y), (x + 1, y), (x, y - 1), (x + 1, y - 1), (x, y + 1), (x - 1, y + 1))
        near[letter] = "".join(other for other, place in places.items() if place in around)
    near["o"] += "0"
    near["p"] += "0"
    return near


NEIGHBOURS = _neighbours()


def misspellings_of(word: str) -> Iterator[str]:
    """Yield every word that has one letter of `word` replaced by any other or one letter added."""
    for place in range(len(word) + 1):
        for letter in _LETTERS:
            yield word[:place] + letter + word[place:]
            if place < len(word):
                yield word[:place] + letter + word[place + 1 :]


def slips_of(word: str) -> Iterator[str]:
    """Yield what one slip makes of `word`, a folded Latin word: a neighbouring key, two letters the wrong way round, a
    letter dropped (only in words of four and more), doubled, or a neighbouring key hit as well.
    """
    for place, letter in enumerate(word):
        before, after = word[:place], word[place + 1 :]
        for near in NEIGHBOURS.get(letter, ""):
            yield before + near + after
            if len(word) > _SHORT:
                yield before + letter + near + after
                yield before + near + letter + after
        if after and after[0] != letter:
            yield before + after[0] + letter + after[1:]
        if len(word) > _SHORT:
            yield before + after
        yield before + letter + letter + after
