"""The guide to the console: its pictures are there, small, and made by `make guide`; every entry of the navigation is in it."""

from docs.make_guide import DOCS, GUIDE, PICTURES, shown_pictures
from gateway.console.navigation import GROUPS

_MOST_BYTES = 1_500_000


def test_every_picture_of_the_guide_is_made_by_make_guide_and_shown() -> None:
    assert sorted(shown_pictures()) == sorted(PICTURES)
    files = sorted((DOCS / "console").iterdir())
    assert [file.name for file in files] == sorted(f"{name}.webp" for name in PICTURES)
    assert sum(file.stat().st_size for file in files) < _MOST_BYTES


def test_every_entry_of_the_navigation_is_explained() -> None:
    text = GUIDE.read_text(encoding="utf-8").lower()
    assert [label for _, entries in GROUPS for label, _ in entries if label.lower() not in text] == []
