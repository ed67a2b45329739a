"""The console, put together: its blueprints with the pages of all modules on them."""

from flask import Blueprint

from gateway.console import (
    access,
    conversation_views,
    display,
    event_views,
    failures,
    home_views,
    incoming_views,
    layout,
    number_views,
    opt_out_views,
    phone_views,
    review_views,
    sign_in_views,
    unrouted_views,
    users_views,
)
from gateway.console.blueprints import console, pages

# Each of these puts its routes, filters or checks onto the blueprints when it is imported.
MODULES = (
    access,
    conversation_views,
    display,
    event_views,
    failures,
    home_views,
    incoming_views,
    layout,
    number_views,
    opt_out_views,
    phone_views,
    review_views,
    sign_in_views,
    unrouted_views,
    users_views,
)

DOORS: tuple[Blueprint, ...] = (console, pages)
