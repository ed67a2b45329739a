"""How numbers, times and states look on pages: filters for templates."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from flask import g, request
from markupsafe import Markup

from gateway.console.access import services
from gateway.console.blueprints import console
from gateway.phone import formatted
from store.addresses import is_number

ZONE_COOKIE, THEME_COOKIE = "zone", "theme"
THEMES = ("auto", "light", "dark")

# Word for a state -> (what is shown, tone). Tones: good, bad, wait, quiet.
STATES: Mapping[str, tuple[str, str]] = {
    "queued": ("on its way", "wait"),
    "handing_over": ("on its way", "wait"),
    "accepted": ("sent", "good"),
    "sent": ("sent", "good"),
    "delivered": ("delivered", "good"),
    "read": ("read", "good"),
    "received": ("received", "quiet"),
    "undelivered": ("not delivered", "bad"),
    "failed": ("failed", "bad"),
    "unknown": ("unknown whether it arrived", "wait"),
    "suppressed": ("stopped: opted out", "bad"),
    "expired": ("too late, not sent", "bad"),
    "cancelled": ("cancelled", "quiet"),
    "opted_out": ("opted out", "bad"),
    "opted_in": ("may be texted", "good"),
    "held": ("waits for a person", "wait"),
    "running": ("running", "wait"),
    "finished": ("finished", "good"),
    "stopped": ("stopped", "quiet"),
    "undone": ("undone", "quiet"),
    "on": ("on", "good"),
    "off": ("off", "quiet"),
}


# How an opt-out came about, as the end of a sentence.
SOURCE_WORDS: Mapping[str, str] = {
    "keyword": "because this person texted that they want no more",
    "link": "because this person used the opt-out page",
    "carrier": "because the carrier says that this person opted out",
    "agent": "because a colleague opted this person out",
    "admin": "because an admin opted this person out",
    "api": "because a program opted this person out",
    "import": "because an imported list says so",
}


@cache
def zones() -> tuple[str, ...]:
    """The time zones a person can choose from."""
    return tuple(sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")))


def zone() -> ZoneInfo:
    """The viewer's time zone: what the browser said or the person chose; UTC until then."""
    name = request.cookies.get(ZONE_COOKIE, "")
    return ZoneInfo(name) if name in zones() else ZoneInfo("UTC")


def theme() -> str:
    """light, dark, or auto for what the machine is set to."""
    chosen = request.cookies.get(THEME_COOKIE, "auto")
    return chosen if chosen in THEMES else "auto"


def local(moment: datetime) -> datetime:
    """A time in the viewer's zone."""
    return moment.astimezone(zone())


@console.app_template_filter("when")
def when(moment: datetime | None, nothing: str = "never") -> Markup:
    """A time as people say it, with the exact one on hover."""
    if moment is None:
        return Markup('<span class="soft">{}</span>').format(nothing)
    here, now = local(moment), local(services().clock.now())
    if here.date() == now.date():
        said = f"{here:%H:%M}"
    elif here.year == now.year:
        said = f"{here.day} {here:%b, %H:%M}"
    else:
        said = f"{here.day} {here:%b %Y, %H:%M}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(moment.isoformat(), exact(moment), said)


@console.app_template_filter("exact")
def exact(moment: datetime) -> str:
    """A time to the second, with its zone."""
    here = local(moment)
    return f"{here:%A}, {here.day} {here:%B %Y, %H:%M:%S %Z}"


@console.app_template_filter("day")
def day(value: date | datetime) -> str:
    """A day as people write it."""
    shown = local(value) if isinstance(value, datetime) else value
    return f"{shown.day} {shown:%B %Y}"


@console.app_template_filter("number")
def number(address: str) -> str:
    """A number as people read it, with its country."""
    return formatted(address)


@console.app_template_filter("phone")
def phone(address: str) -> Markup:
    """A number in national form for a number of the account's country; what is copied is E.164."""
    if not is_number(address):
        return Markup('<span class="wrap">{}</span>').format(address)
    home = g.account.default_country if "account" in g else ""
    parsed = phonenumbers.parse(address)
    at_home = home and phonenumbers.country_code_for_region(home) == parsed.country_code
    form = phonenumbers.PhoneNumberFormat.NATIONAL if at_home else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    shown = phonenumbers.format_number(parsed, form)
    return Markup('<span class="number" data-copy="{0}" title="{0}">{1}</span>').format(address, shown)


@console.app_template_filter("thousands")
def thousands(count: int) -> str:
    """A count with its thousands apart."""
    return f"{count:,}"


@console.app_template_filter("count_of")
def count_of(count: int, one: str, many: str = "") -> str:
    """A count with its word: 1 number, 2,000 numbers."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


@console.app_template_filter("who")
def who(actor: str) -> str:
    """Who did something, as journals name them, for people."""
    return actor.removeprefix("user ")
