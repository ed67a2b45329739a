"""The package is pure, quick to import and complete."""

import subprocess
import sys
from importlib import resources

import pytest

import keywords
from keywords.tables import LANGUAGES

FORBIDDEN = ("gateway", "store", "flask", "redis", "socket", "datetime", "random", "json", "importlib.resources")


def test_importing_the_package_loads_nothing_it_does_not_need() -> None:
    code = f"import sys, keywords; print([name for name in {FORBIDDEN!r} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(root())!r}); {code}"],
                         capture_output=True, text=True, check=True)  # fmt: skip
    assert ran.stdout.strip() == "[]"


def root() -> object:
    return resources.files("keywords").joinpath("..")


@pytest.mark.parametrize("name", keywords.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(keywords, name) is not None


def test_an_unknown_name_is_an_ordinary_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = keywords.nothing


def test_the_tables_are_package_data() -> None:
    folder = resources.files("keywords").joinpath("data")
    assert {f"{language}.json" for language in LANGUAGES} | {"sources.json"} <= {item.name for item in folder.iterdir()}
