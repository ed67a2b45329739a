"""The blueprints of the console. Modules with pages put their routes on them; doors.py brings the modules together."""

from flask import Blueprint

console = Blueprint("console", __name__, template_folder="templates", static_folder="static", static_url_path="/static")
"""Pages that belong to no account: signing in, one's own password, the simulator's phone."""

pages = Blueprint("account", __name__, url_prefix="/accounts/<account_id>")
"""Pages of one account. Its id is in every address, so that a link can be sent to a colleague and two tabs on two
accounts cannot be mixed up; views do not take it, access.account() is the account and url_for() fills it in."""
