"""The shape of the project, checked: imports, permissions, documentation, sizes."""

import ast
import re
import runpy
import subprocess
import sys
from pathlib import Path

import click
import pytest

from gateway.account_settings import ACCOUNT_SETTINGS
from gateway.api.access import PERMISSIONS
from gateway.api.problems import PROBLEMS
from gateway.app import create_app
from gateway.cli import main
from gateway.console import access
from gateway.roles import CAPABILITIES
from gateway.services import Services
from gateway.settings import SETTINGS
from store.consent import RANK

ROOT = Path(__file__).parents[2]
PACKAGES = ("gateway", "keywords", "store")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def test_imports_go_one_way() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_g2_nothing_calls_a_carrier_but_the_use_case_behind_the_gate() -> None:
    callers = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if re.search(r"carrier\.send\(|messages\.create\(", path.read_text(encoding="utf-8"))
    ]
    assert callers == ["gateway/carriers/twilio.py", "gateway/outbound.py"]


# Who may come in without a key: carriers sign, monitoring reads no data, pages have forms with CSRF.
OPEN = {
    "static", "bootstrap.static", "health.healthz", "health.readyz", "health.metrics", "webhooks.inbound",
    "webhooks.status", "api_docs.openapi_document", "api_docs.docs", "api_docs.static", "public.static", "public.opt_out", "public.opt_out_now", "public.qr",
}  # fmt: skip
# Pages of the console that are open to strangers; the sign-in needs none, the phone is there with the simulator alone.
OPEN_PAGES = {
    "console.static", "console.sign_in", "console.preferences", "console.home",
    "console.phone", "console.phone_screen", "console.phone_text", "console.phone_send",
}  # fmt: skip


def test_every_route_is_in_the_table_of_permissions_or_open_on_purpose(services: Services) -> None:
    endpoints = {rule.endpoint for rule in create_app(services).url_map.iter_rules()}
    of_the_console = access.OPEN_PAGES | access.OWN_PAGES | set(access.PAGES)
    assert endpoints == OPEN | set(PERMISSIONS) | of_the_console


def test_the_pages_that_strangers_may_open_are_few_and_named_here() -> None:
    assert access.OPEN_PAGES == OPEN_PAGES
    assert access.OPEN_PAGES.isdisjoint(access.PAGES)
    assert all(endpoint.startswith("account.") for endpoint in access.PAGES)


def test_every_page_of_an_account_needs_a_capability_that_some_role_has() -> None:
    assert {name for name in access.PAGES.values() if name not in CAPABILITIES} == set()


def commands(group: click.Group, prefix: str = "") -> list[str]:
    found = []
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found += commands(command, f"{prefix}{name} ")
        else:
            assert command.help, f"{prefix}{name} says what it does"
            found.append(f"{prefix}{name}")
    return found


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("docs/settings.md", [setting.name for setting in SETTINGS]),
        ("docs/settings.md", list(ACCOUNT_SETTINGS)),
        ("docs/api.md", list(PROBLEMS)),
        ("docs/commands.md", [f"stopgate {name}" for name in commands(main)]),
    ],
)
def test_everything_a_user_can_set_call_or_meet_is_documented(page: str, names: list[str]) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_reference_pages_are_what_the_tables_say() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "make_reference.py"))["PAGES"]
    for name, page in made.items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == page(), f"docs/{name} is old: run `make docs`"


def test_every_package_says_what_it_is_for() -> None:
    for package in (*PACKAGES, "gateway/carriers", "bench"):
        assert (ROOT / package / "README.md").stat().st_size > 500


def test_every_key_name_is_in_the_stores_documentation() -> None:
    text = (ROOT / "store" / "README.md").read_text(encoding="utf-8")
    tree = ast.parse((ROOT / "store" / "keys.py").read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_function_library_ranks_evidence_as_the_store_does() -> None:
    source = (ROOT / "store" / "functions" / "stopgate.lua").read_text(encoding="utf-8")
    row = re.search(r"local RANK = \{([^}]*)\}", source)
    codes = re.search(r"local ([A-Z, ]+) = ([0-9, ]+)\n", source)
    assert row
    assert codes
    numbers = dict(zip(codes.group(1).split(", "), map(int, codes.group(2).split(", ")), strict=True))
    ranks = {numbers[name]: int(rank) for name, rank in re.findall(r"\[(\w+)\] = (\d)", row.group(1))}
    assert ranks == {int(source): rank for source, rank in RANK.items()}


def test_modules_and_functions_stay_small() -> None:
    long_modules = [
        str(path.relative_to(ROOT)) for path in SOURCES if len(path.read_text(encoding="utf-8").splitlines()) > 400
    ]
    assert long_modules == []
    long_functions = [
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno > 60
    ]
    assert long_functions == []


def test_nothing_is_left_open_in_the_code() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    assert [str(path.relative_to(ROOT)) for path in SOURCES if marks.search(path.read_text(encoding="utf-8"))] == []
