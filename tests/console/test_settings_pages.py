"""Settings, replies, senders, API keys, system and home: what they show, change and write down."""

import re
from typing import Any

import pytest

from gateway.account_settings import setting_of
from gateway.api.access import ROLES
from gateway.console.charts import stacked_bars
from gateway.roles import KEY_ROLES
from gateway.services import Services
from tests.console.conftest import OWNER, Visitor
from tests.webhooks import text

ACME = "/accounts/acme"
BACKGROUND = {"X-Requested-With": "console"}


def value(services: Services, name: str) -> Any:
    return setting_of(services.store.directory.current(fresh=True).accounts["acme"].settings, name)


@pytest.mark.parametrize(
    ("name", "form", "expected"),
    [
        ("free_text", {"value": "hold"}, "hold"),
        ("text_stop_blocks_voice", {"to": "off"}, False),
        ("confirm_window", {"value": "48"}, 48),
        ("revoke_all_from", {"value": ""}, ""),
        ("brand", {"value": "  Acme Outreach "}, "Acme Outreach"),
    ],
)
def test_a_setting_is_changed_and_who_did_it_stands_beside_it(
    owner: Visitor, services: Services, name: str, form: dict[str, str], expected: Any
) -> None:
    page = owner.post(f"{ACME}/settings/{name}", form).get_data(as_text=True)
    assert value(services, name) == expected
    assert f"by {OWNER}" in page
    assert "Undo" in page
    history = owner.get(f"{ACME}/settings/history").get_data(as_text=True)
    assert name.replace("_", " ") in history


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [("name", " Acme Outreach ", "Acme Outreach"), ("default_country", "DE", "DE"), ("default_country", "", "")],
)
def test_the_accounts_name_and_country_are_changed_written_down_and_taken_back(
    owner: Visitor, services: Services, name: str, value: str, kept: str
) -> None:
    before = getattr(services.store.directory.current(fresh=True).accounts["acme"], name)
    page = owner.post(f"{ACME}/settings/{name}", {"value": value}).get_data(as_text=True)
    assert getattr(services.store.directory.current(fresh=True).accounts["acme"], name) == kept
    assert f"by {OWNER}" in page
    (change,) = services.store.configuration_journal.newest("acme", count=1)
    assert (change.area, change.name, change.before, change.after) == ("settings", name, before, kept)
    undo = re.search(rf'action="(/accounts/acme/settings/{name})">.*?name="value" value="([^"]*)"', page, re.DOTALL)
    assert undo
    owner.post(undo.group(1), {"value": undo.group(2)})
    assert getattr(services.store.directory.current(fresh=True).accounts["acme"], name) == before


@pytest.mark.parametrize(("name", "value"), [("name", " "), ("name", "x" * 81), ("default_country", "XX")])
def test_a_name_or_country_that_cannot_be_is_said_beside_the_field(
    owner: Visitor, services: Services, name: str, value: str
) -> None:
    before = services.store.directory.current(fresh=True).accounts["acme"]
    page = owner.post(f"{ACME}/settings/{name}", {"value": value}, status=422).get_data(as_text=True)
    assert f'id="{name}-error">It ' in page
    assert services.store.directory.current(fresh=True).accounts["acme"] == before


def test_an_agent_sees_the_accounts_name_and_does_not_change_it(owner: Visitor, colleague: Visitor) -> None:
    assert "<strong>Acme</strong>" in colleague.get(f"{ACME}/settings").get_data(as_text=True)
    colleague.post(f"{ACME}/settings/name", {"value": "Mine"}, status=403)


def test_undo_brings_the_value_of_before(owner: Visitor, services: Services) -> None:
    page = owner.post(f"{ACME}/settings/free_text", {"value": "hold"}).get_data(as_text=True)
    undo = re.search(r'action="(/accounts/acme/settings/free_text)">.*?name="value" value="([^"]*)"', page, re.DOTALL)
    assert undo
    owner.post(undo.group(1), {"value": undo.group(2), "confirmed": "yes"})
    assert value(services, "free_text") == "act"


def test_a_switch_saves_itself_in_the_background(owner: Visitor, services: Services) -> None:
    owner.post(f"{ACME}/settings/clarify_opt_outs", {"to": "on"}, status=204, headers=BACKGROUND)
    assert value(services, "clarify_opt_outs") is True


@pytest.mark.parametrize(
    ("name", "typed"),
    [("confirm_window", "soon"), ("confirm_window", "-1"), ("free_text", "perhaps"), ("revoke_all_from", "tomorrow")],
)
def test_a_wrong_value_is_said_beside_the_field_and_changes_nothing(
    owner: Visitor, services: Services, name: str, typed: str
) -> None:
    before = value(services, name)
    page = owner.post(f"{ACME}/settings/{name}", {"value": typed}, status=422).get_data(as_text=True)
    assert 'class="invalid-feedback' in page
    assert value(services, name) == before


def test_switching_automated_opt_outs_off_asks_first_and_names_the_law(owner: Visitor, services: Services) -> None:
    page = owner.post(f"{ACME}/settings/automated_opt_outs", {"to": "off"}, headers=BACKGROUND).get_data(as_text=True)
    assert "47 CFR 64.1200(a)(10)" in page
    assert value(services, "automated_opt_outs") is True
    owner.post(f"{ACME}/settings/automated_opt_outs", {"to": "off", "confirmed": "yes"})
    assert value(services, "automated_opt_outs") is False
    assert "every STOP waits for a person" in owner.get(f"{ACME}/").get_data(as_text=True)


def test_a_setting_without_effect_says_why(owner: Visitor) -> None:
    page = owner.get(f"{ACME}/settings").get_data(as_text=True)
    assert "Has no effect while “Clarify opt outs” is off" in page
    page = owner.post(f"{ACME}/settings/clarify_opt_outs", {"to": "on"}).get_data(as_text=True)
    assert "Has no effect while “Clarify opt outs” is off" not in page


@pytest.mark.parametrize("name", ["nonsense", "help_message"])
def test_what_is_no_setting_of_the_page_is_not_found(owner: Visitor, name: str) -> None:
    owner.post(f"{ACME}/settings/{name}", {"value": "x"}, status=404)


def test_a_reply_is_written_previewed_and_given_back(owner: Visitor, services: Services) -> None:
    own = "{brand}: no more texts. START to come back."
    page = owner.post(f"{ACME}/replies/opt_out_message/en", {"body": own}).get_data(as_text=True)
    assert "Acme: no more texts. START to come back." in page
    assert value(services, "opt_out_message") == {"en": own}
    owner.post(f"{ACME}/replies/opt_out_message/en", {"body": ""})
    assert value(services, "opt_out_message") == {}


def test_a_reply_is_looked_at_while_it_is_typed(owner: Visitor) -> None:
    part = owner.post(f"{ACME}/replies/opt_out_message/en/check", {"body": "Sale! " * 40}).get_data(as_text=True)
    assert "2 segments" in part
    assert "may only confirm, not advertise" in part
    assert "<html" not in part


@pytest.mark.parametrize("path", ["/replies?language=xx", "/replies/nonsense/en", "/replies/help_message/xx"])
def test_replies_that_do_not_exist_are_not_found(owner: Visitor, path: str) -> None:
    owner.get(ACME + path, status=404)


def test_senders_say_who_answers_and_what_does_not_work(owner: Visitor, stranger: Visitor) -> None:
    page = owner.get(f"{ACME}/senders").get_data(as_text=True)
    assert "shared with 1 other account" in page
    assert "Globex" not in page
    page = owner.get(f"{ACME}/senders/+18005550199").get_data(as_text=True)
    assert "cannot be told not to" in page
    stranger.get("/accounts/globex/senders/+18005550199", status=404)


def test_an_api_key_is_shown_once_works_and_is_revoked(owner: Visitor, services: Services) -> None:
    page = owner.post(f"{ACME}/api-keys", {"name": "Ticket shop", "role": "read"}).get_data(as_text=True)
    secret = re.search(r'class="secret"><code>([^<]+)<', page)
    assert secret
    header = {"Authorization": f"Bearer {secret.group(1)}"}
    assert owner.client.get("/api/v1/keywords", headers=header).status_code == 200
    page = owner.get(f"{ACME}/api-keys").get_data(as_text=True)
    assert secret.group(1) not in page
    key = services.store.api_keys.all("acme")[0]
    owner.post(f"{ACME}/api-keys/{key.id}/revoke")
    assert owner.client.get("/api/v1/keywords", headers=header).status_code == 200
    owner.post(f"{ACME}/api-keys/{key.id}/revoke", {"confirmed": "yes"})
    assert owner.client.get("/api/v1/keywords", headers=header).status_code == 401
    assert [change.area for change in services.store.configuration_journal.newest("acme", count=2)] == ["keys", "keys"]


@pytest.mark.parametrize(
    ("form", "field"), [({"name": "", "role": "send"}, "name"), ({"name": "x", "role": "x"}, "role")]
)
def test_a_key_needs_a_name_and_a_role(owner: Visitor, form: dict[str, str], field: str) -> None:
    assert f'id="{field}-error"' in owner.post(f"{ACME}/api-keys", form, status=422).get_data(as_text=True)


def test_g8_keys_of_others_are_not_there(stranger: Visitor, services: Services) -> None:
    services.store.api_keys.create("acme", "send", services.clock.now())
    key = services.store.api_keys.all("acme")[0]
    stranger.post(f"/accounts/globex/api-keys/{key.id}/revoke", {"confirmed": "yes"}, status=404)
    assert services.store.api_keys.all("acme")


def test_the_words_for_key_roles_are_those_of_the_api() -> None:
    assert list(KEY_ROLES) == list(ROLES)


def test_the_system_is_for_who_runs_it_and_shows_no_secret(owner: Visitor, operator: Visitor) -> None:
    owner.get(f"{ACME}/system", status=403)
    page = operator.get(f"{ACME}/system").get_data(as_text=True)
    assert "jobs waiting" in page
    assert "STOPGATE_SECRET_KEY" in page
    assert "s" * 32 not in page
    assert "0123456789abcdef" not in page


def test_home_counts_what_happened_and_what_waits(owner: Visitor, services: Services) -> None:
    text(owner.client, "STOP")
    text(owner.client, "not sure I want these", MessageSid="SM" + "2" * 32)
    page = owner.get(f"{ACME}/?days=30").get_data(as_text=True)
    assert "1 by the person" in page
    assert re.search(r'class="figure">2</span><span class="caption">texts in today', page)


def test_bars_stand_upon_another_and_reach_the_top_line() -> None:
    from datetime import date

    bars = stacked_bars([(date(2026, 11, 1), {"a": 6, "b": 4}), (date(2026, 11, 2), {})], {"a": "of a", "b": "of b"})
    lower, upper = bars.pieces
    assert lower.y == pytest.approx(upper.y + upper.height, abs=0.2)
    assert upper.y == bars.ticks[-1][0]
    assert upper.said == "1 November: 4 of b"
    assert not bars.empty
    assert stacked_bars([], {"a": "of a"}).empty
