"""Letters that look alike: Cyrillic, Greek and small capitals read as the Latin letters they imitate."""

# ruff: noqa: RUF001 - characters that look alike are what this module is about

import re

_PAIRS = (
    # Cyrillic
    "аa вb сc ԁd еe ё eһh іi јj кk ԛq мm нh оo рp пn ѕs тt уy хx ԝw гr ьb зz ѵv ӏl ո n "
    # Greek
    "αa βb εe ηn ιi κk μu νv οo ρp τt υu χx ωw ζz σo "
    # Armenian and Cherokee, only where the shape is plainly Latin
    # Armenian and Cherokee, where the shape is plainly Latin
    "օo ոn սu հh Ꭰd Ꭱr Ꭲt Ꮪs Ꮯc Ꮲp Ꮮl Ꭺa Ꭼe Ꮇm Ꭻj Ꮋh Ꮃw Ꮓz "
)
_SMALL_CAPITALS = "ᴀaʙbᴄcᴅdᴇeꜰfɢgʜhɪiᴊjᴋkʟlᴍmɴnᴏoᴘpʀrꜱsᴛtᴜuᴠvᴡwʏyᴢz"
_LATIN = {
    **{ord(pair[0]): pair[1].lower() for pair in _PAIRS.split() if len(pair) == 2},
    **{ord(_SMALL_CAPITALS[at]): _SMALL_CAPITALS[at + 1] for at in range(0, len(_SMALL_CAPITALS), 2)},
}
_HAS_LATIN = re.compile("[a-z]")
_SMALL_CAPITAL = re.compile(f"[{_SMALL_CAPITALS[::2]}]")


def as_latin(word: str) -> str:
    """Return a word that mixes Latin with look-alike letters as the Latin word it imitates, any other unchanged.

    A word written wholly in Cyrillic or Greek stays what it is: "стоп" is a keyword of its own.
    """
    if _HAS_LATIN.search(word) or _SMALL_CAPITAL.search(word):
        return word.translate(_LATIN)
    return word


def shape_of(word: str) -> str | None:
    """Return the Latin word that `word` imitates when every letter of it has a Latin twin, else None."""
    shape = word.translate(_LATIN)
    return shape if shape.isascii() and shape != word else None
