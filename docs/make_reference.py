"""Writes settings.md, commands.md and api.md from the tables in the code: `make docs`.

A test compares the files with what this makes, so that they cannot fall behind.
"""

import sys
import textwrap
from pathlib import Path

import click
from flask_openapi3.openapi import OpenAPI

sys.path.insert(0, str(Path(__file__).parents[1]))

from gateway.account_settings import ACCOUNT_SETTINGS
from gateway.api.access import PERMISSIONS, ROLES
from gateway.api.conventions import ADVICE, CONVENTIONS
from gateway.api.describing import endpoints_of
from gateway.api.doors import DOORS
from gateway.api.problems import PROBLEMS
from gateway.carriers.failures import FAILURES
from gateway.cli import main as stopgate
from gateway.settings import SETTINGS

MADE = "<!-- Made by `make docs` from the tables in the code. Change those. -->\n"


def settings_page() -> str:
    """docs/settings.md."""
    lines = [
        "# Settings", "", MADE,
        "An installation is set up by its environment. Every name may also be given as `NAME_FILE`, the path of a file",
        "that holds the value. A start with settings that cannot be used stops with one list of all that is wrong.", "",
        "| name | default | what it does |", "|---|---|---|",
    ]  # fmt: skip
    for setting in SETTINGS:
        secret = " Secret." if setting.secret else ""
        lines.append(
            f"| `{setting.name}` | {f'`{setting.default}`' if setting.default else ''} | {setting.help}{secret} |"
        )
    lines += ["", "## Settings of an account", "", "In the file for `stopgate apply`, under `[accounts.settings]`.", ""]
    lines += ["| name | kind | default | what it does |", "|---|---|---|---|"]
    for row in ACCOUNT_SETTINGS.values():
        kind = f"{row.kind}: {', '.join(row.choices)}" if row.choices else row.kind
        default = _default(row.default)
        lines.append(f"| `{row.name}` | {kind} | {default} | {row.help} |")
    return "\n".join(lines) + "\n"


def _default(value: object) -> str:
    """A default as the table shows it; nothing for an empty one and for a table of texts."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) if isinstance(value, str | int | float) else ""


def commands_page() -> str:
    """docs/commands.md."""
    lines = ["# Commands", "", MADE]
    lines += _commands(stopgate, click.Context(stopgate, info_name="stopgate", **stopgate.context_settings))
    return "\n".join(lines)


def _commands(group: click.Group, context: click.Context) -> list[str]:
    lines: list[str] = []
    for name, command in group.commands.items():
        inner = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            lines += _commands(command, inner)
            continue
        lines += [f"## `{inner.command_path}`", "", "```", command.get_help(inner), "```", ""]
    return lines


def _routes() -> dict[str, str]:
    """Endpoint -> method and path, of the API's routes in the order of its documentation."""
    app = OpenAPI("reference", doc_ui=False)
    for door in DOORS:
        app.register_api(door)
    found = {endpoint: f"{method.upper()} {path}" for (method, path), endpoint in endpoints_of(app.url_map).items()}
    return {endpoint: found[endpoint] for endpoint in PERMISSIONS}


def api_page() -> str:
    """docs/api.md."""
    lines = [
        "# REST API", "", MADE,
        "Every installation shows its API with all fields, answers and requests to copy at `/api/docs`; the OpenAPI 3.1",
        "document is at `/api/v1/openapi.json`.", "",
    ]  # fmt: skip
    for title, paragraph in CONVENTIONS.items():
        lines += [f"## {title}", "", *textwrap.wrap(paragraph, 118, break_on_hyphens=False, break_long_words=False), ""]
    lines += ["## Routes and roles", "", "| route | " + " | ".join(ROLES) + " |", "|---|" + "---|" * len(ROLES)]
    for endpoint, route in _routes().items():
        marks = " | ".join("yes" if role in PERMISSIONS[endpoint] else "" for role in ROLES)
        lines.append(f"| `{route}` | {marks} |")
    lines += ["", "## Codes of problems", "", "| code | status | meaning | what to do |", "|---|---|---|---|"]
    lines += [
        f"| `{kind.code}` | {kind.status} | {kind.title} | {ADVICE.get(kind.code, '')} |" for kind in PROBLEMS.values()
    ]
    lines += [
        "", "## Why a text did not go out", "",
        "`GET /api/v1/messages/{id}` has a `status` and a `reason`. `suppressed`: the gate said no when it was handed",
        "over. `unknown`: nobody knows whether it was sent; it is not sent again, and a delivery report settles it.", "",
        "| reason | what it means | what Stopgate does |", "|---|---|---|",
    ]  # fmt: skip
    lines += [f"| `{row.name}` | {row.sentence} | {row.does} |" for row in FAILURES.values()]
    return "\n".join(lines) + "\n"


PAGES = {"settings.md": settings_page, "commands.md": commands_page, "api.md": api_page}

if __name__ == "__main__":
    for file_name, page in PAGES.items():
        (Path(__file__).parent / file_name).write_text(page(), encoding="utf-8")
        print(f"docs/{file_name}")
