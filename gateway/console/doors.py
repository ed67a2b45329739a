"""The console, put together: its blueprints with the pages of all modules on them."""

from flask import Blueprint

# Each of these puts its routes, filters or checks onto the blueprints when it is imported.
from gateway.console import (  # noqa: F401
    access,
    api_keys_views,
    audience_views,
    broadcast_views,
    broadcast_words,
    broadcast_writing_views,
    contact_views,
    conversation_views,
    display,
    event_views,
    failures,
    home_views,
    import_upload_views,
    import_views,
    incoming_views,
    journal_views,
    keywords_views,
    layout,
    number_views,
    opt_out_views,
    overview_views,
    own_words_views,
    phone_views,
    replies_views,
    review_views,
    senders_views,
    settings_views,
    sign_in_views,
    system_views,
    unrouted_views,
    users_views,
)
from gateway.console.blueprints import console, pages

DOORS: tuple[Blueprint, ...] = (console, pages)
