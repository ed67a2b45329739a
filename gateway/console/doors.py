"""The console, put together: its blueprints with the pages of all modules on them."""

from flask import Blueprint

from gateway.console import (
    access,
    display,
    failures,
    home_views,
    layout,
    phone_views,
    sign_in_views,
    users_views,
)
from gateway.console.blueprints import console, pages

# Each of these puts its routes, filters or checks onto the blueprints when it is imported.
MODULES = (access, display, failures, home_views, layout, phone_views, sign_in_views, users_views)

DOORS: tuple[Blueprint, ...] = (console, pages)
