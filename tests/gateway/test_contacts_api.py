"""Contacts and audiences over the API: three people, lists in order, opt-outs from a contact, the sending audience."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.contact_rows import ContactRow
from gateway.services import Services
from store.consent import Source
from store.contacts import Phone
from store.directory import Account, Keyword
from tests.conftest import FakeClock
from tests.webhooks import PERSON, text

Api = Callable[..., Any]
ANN, WORK = "+14155550123", "+14155550145"
NEWS = "newsletter"


def make(api: Api, *phones: str, status: int = 201, **fields: Any) -> Any:
    body = {"phones": [{"number": phone} for phone in phones], **fields}
    answered, document = api("POST", "/contacts", body)
    assert answered == status, document
    return document


def account_of(services: Services) -> Account:
    return services.store.directory.current(fresh=True).accounts["acme"]


def stop(services: Services, number: str, source: Source = Source.KEYWORD, **where: Any) -> None:
    services.consent.opt_out(account_of(services), number, source=source, actor="ann", **where)


def numbers_of(api: Api, path: str) -> list[str]:
    found, cursor = [], ""
    while True:
        separator = "&" if "?" in path else "?"
        status, page = api("GET", f"{path}{separator}limit=2" + (f"&cursor={cursor}" if cursor else ""))
        assert status == 200, page
        found += [item["phones"][0]["number"] if "phones" in item else item["number"] for item in page["items"]]
        if not page["next"]:
            return found
        cursor = page["next"]


def test_a_contact_is_made_read_changed_and_removed(api: Api, services: Services) -> None:
    made = make(
        api, "(415) 555-0123", WORK, contact_id="C1", first_name="Ann", properties={"city": "Oslo", "zip": "0150"},
        audience=NEWS,
    )  # fmt: skip
    assert made["outcome"] == "created"
    assert [phone["number"] for phone in made["phones"]] == [ANN, WORK]
    status, changed = api(
        "PATCH",
        f"/contacts/{made['id']}",
        {"last_name": "Lee", "properties": {"zip": None}, "phones": [{"number": ANN}]},
    )
    assert (status, changed["first_name"], changed["last_name"]) == (200, "Ann", "Lee")
    assert (changed["properties"], len(changed["phones"])) == ({"city": "Oslo"}, 1)
    assert api("GET", f"/contacts/{made['id']}")[1] == changed
    assert numbers_of(api, f"/audiences/{NEWS}/members") == [ANN]
    assert api("DELETE", f"/contacts/{made['id']}")[0] == 204
    assert api("GET", f"/contacts/{made['id']}")[0] == 404
    assert numbers_of(api, f"/audiences/{NEWS}/members") == []
    assert services.store.contact_listing.count("acme") == 0


def test_a_contact_that_is_known_is_appended_to(api: Api) -> None:
    first = make(api, ANN, first_name="Ann")
    again = make(api, ANN, WORK, last_name="Lee", status=200)
    assert (again["id"], again["outcome"]) == (first["id"], "updated")
    assert make(api, ANN, status=200)["outcome"] == "unchanged"


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "/contacts", {}, "invalid_contact"),
        ("POST", "/contacts", {"phones": [{"number": "abc"}]}, "invalid_number"),
        ("POST", "/contacts", {"phones": [{"number": ANN}], "first_name": "x" * 101}, "invalid_request"),
        ("POST", "/contacts", {"contact_id": "nobody"}, "invalid_contact"),
        ("GET", "/contacts?name=a&number=%2B1", None, "invalid_request"),
        ("GET", "/contacts?cursor=xyz", None, "bad_cursor"),
        ("GET", "/contacts/c00", None, "not_found"),
        ("PATCH", "/contacts/nonsense", {}, "not_found"),
        ("POST", "/audiences", {"id": "a/b"}, "invalid_request"),
        ("POST", "/audiences", {"id": "x", "from": "+12025550999"}, "unknown_sender"),
        ("GET", "/audiences/none", None, "not_found"),
        ("POST", "/audiences/none/members", {"numbers": [ANN]}, "not_found"),
        ("DELETE", f"/audiences/none/members/{ANN}", None, "not_found"),
        ("GET", "/audiences/none/sendable", None, "not_found"),
    ],
)
def test_what_cannot_be_done_says_why(api: Api, method: str, path: str, body: Any, code: str) -> None:
    status, problem = api(method, path, body)
    assert 400 <= status < 500
    assert problem["code"] == code


def test_another_contact_with_the_same_own_id_is_refused(api: Api) -> None:
    make(api, ANN, contact_id="C1")
    other = make(api, WORK)
    status, problem = api("PATCH", f"/contacts/{other['id']}", {"contact_id": "C1"})
    assert (status, problem["code"]) == (409, "contact_id_taken")


PEOPLE = [
    ("+14155550111", "Ann", "Lee"),
    ("+442079460018", "Bob", "Ångström"),
    ("+14155550122", "Cem", "leeson"),
    ("+12025550133", "Lee", "Moore"),
    ("+4930123456", "", ""),
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sort=created", [0, 1, 2, 3, 4]),
        ("sort=created&order=desc", [4, 3, 2, 1, 0]),
        ("sort=name", [4, 1, 0, 2, 3]),
        ("sort=name&order=desc", [3, 2, 0, 1, 4]),
        ("sort=number", [3, 0, 2, 1, 4]),
        ("number=%2B1415", [0, 2]),
        ("number=%2B44%2020%207946%200018", [1]),
        ("number=4155550122", [2]),
        ("name=lee", [0, 2, 3]),
        ("name=ANGSTROM%20b", [1]),
        ("name=cem%20lee", [2]),
        ("name=zoe", []),
        ("contact_id=own-3", [3]),
    ],
)
def test_contacts_are_listed_in_order_and_found(api: Api, clock: FakeClock, query: str, expected: list[int]) -> None:
    for index, (number, first, last) in enumerate(PEOPLE):
        make(api, number, first_name=first, last_name=last, contact_id=f"own-{index}")
        clock.sleep(1)
    assert numbers_of(api, f"/contacts?{query}") == [PEOPLE[index][0] for index in expected]


def test_a_page_stays_where_it_is_while_contacts_come_and_go(api: Api, clock: FakeClock) -> None:
    made = []
    for index in range(6):
        made.append(make(api, f"+141555501{index:02d}"))
        clock.sleep(1)
    _, page = api("GET", "/contacts?limit=3")
    api("DELETE", f"/contacts/{made[1]['id']}")
    api("DELETE", f"/contacts/{made[2]['id']}")
    make(api, "+14155550199")
    _, rest = api("GET", f"/contacts?limit=10&cursor={page['next']}")
    assert [item["id"] for item in rest["items"]][:3] == [one["id"] for one in made[3:]]


def test_a_contact_with_several_phones_stands_once_in_the_order_of_numbers(api: Api) -> None:
    make(api, WORK, ANN)
    assert numbers_of(api, "/contacts?sort=number") == [WORK]
    assert numbers_of(api, "/contacts?number=%2B1415") == [WORK]


ROUTES = [
    ("GET", "/contacts/{id}", None),
    ("PATCH", "/contacts/{id}", {"first_name": "Eve"}),
    ("DELETE", "/contacts/{id}", None),
    ("GET", "/contacts/{id}/opt-outs", None),
    ("PUT", "/contacts/{id}/opt-outs", {}),
    ("DELETE", "/contacts/{id}/opt-outs", None),
    ("GET", f"/audiences/{NEWS}", None),
    ("PATCH", f"/audiences/{NEWS}", {"name": "Mine"}),
    ("DELETE", f"/audiences/{NEWS}", None),
    ("GET", f"/audiences/{NEWS}/members", None),
    ("POST", f"/audiences/{NEWS}/members", {"numbers": [WORK]}),
    ("DELETE", f"/audiences/{NEWS}/members/{ANN}", None),
    ("GET", f"/audiences/{NEWS}/sendable", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_g8_the_owner_may_a_colleague_may_read_and_a_stranger_finds_nothing(
    api: Api, method: str, path: str, body: Any
) -> None:
    made = make(api, ANN, audience=NEWS)
    where = path.format(id=made["id"])
    assert api(method, where, body, account="globex")[0] == 404
    if method == "GET":
        assert api(method, where, role="read")[0] == 200
    else:
        assert api(method, where, body, role="read")[1]["code"] == "not_permitted"
    assert api(method, where, body, role="send")[1]["code"] == "not_permitted"
    assert api("GET", f"/contacts/{made['id']}")[1]["first_name"] == ""
    assert numbers_of(api, f"/audiences/{NEWS}/members") == [ANN]
    assert api(method, where, body, role="manage")[0] in {200, 204}


def test_strangers_see_none_of_it_in_their_lists(api: Api) -> None:
    make(api, ANN, audience=NEWS, contact_id="C1")
    for path in ("/contacts", f"/contacts?number={ANN.replace('+', '%2B')}", "/contacts?contact_id=C1", "/audiences"):
        assert api("GET", path, account="globex")[1]["items"] == []


def test_a_contact_is_opted_out_by_channel_and_by_phone(api: Api, services: Services, clock: FakeClock) -> None:
    made = make(api, ANN, WORK)
    path = f"/contacts/{made['id']}/opt-outs"
    _, done = api("PUT", path, {"number": WORK, "channels": ["voice"], "note": "said so"})
    (one,) = done["phones"]
    assert [(block["channel"], block["source"]) for block in one["opt_outs"]] == [("voice", "api")]
    _, both = api("GET", path)
    assert [(phone["number"], phone["opted_out"]) for phone in both["phones"]] == [(ANN, False), (WORK, True)]
    api("PUT", path, {})
    assert all(len(phone["opt_outs"]) == 2 for phone in api("GET", path)[1]["phones"])
    clock.sleep(1)
    _, lifted = api("DELETE", f"{path}?channel=text&reason=mistake")
    assert [[block["channel"] for block in phone["opt_outs"]] for phone in lifted["phones"]] == [["voice"], ["voice"]]
    assert api("PUT", path, {"number": PERSON})[0] == 404


def test_g5_a_persons_own_stop_stays_and_the_other_phone_is_lifted(
    api: Api, services: Services, client: FlaskClient, clock: FakeClock
) -> None:
    made = make(api, PERSON, WORK)
    path = f"/contacts/{made['id']}/opt-outs"
    text(client, "STOP")
    api("PUT", path, {"number": WORK})
    clock.sleep(1)
    status, done = api("DELETE", path)
    assert status == 200
    persons, other = done["phones"]
    assert (persons["refused"]["code"], persons["refused"]["word"]) == ("opted_out_by_person", "START")
    assert (persons["opted_out"], other["opted_out"], other["refused"]) == (True, False, None)
    status, problem = api("DELETE", f"{path}?number={PERSON.replace('+', '%2B')}")
    assert (status, problem["code"]) == (409, "opted_out_by_person")


def test_an_opted_out_number_is_not_taken_again(api: Api, services: Services) -> None:
    stop(services, ANN)
    status, problem = api("POST", "/contacts", {"phones": [{"number": ANN}]})
    assert (status, problem["code"]) == (409, "opted_out")
    assert (problem["scope"], problem["source"]) == ("account", "keyword")
    assert "texted" in problem["detail"]
    made = make(api, WORK)
    change = {"phones": [{"number": WORK}, {"number": ANN}]}
    assert api("PATCH", f"/contacts/{made['id']}", change)[1]["code"] == "opted_out"
    services.store.directory.change("acme", lambda acme: replace(acme, settings={"enforce_global_opt_outs": False}))
    services.store.directory.current(fresh=True)
    kept = make(api, ANN, audience=NEWS)
    assert (kept["outcome"], kept["code"]) == ("opted_out", "opted_out")
    assert numbers_of(api, f"/audiences/{NEWS}/members") == []


def test_an_audience_is_made_described_filled_and_removed(api: Api) -> None:
    assert api("POST", "/audiences", {"id": NEWS, "name": "News", "from": "72975"})[0] == 201
    assert api("POST", "/audiences", {"id": NEWS, "name": "News", "from": "72975"})[0] == 200
    assert api("POST", "/audiences", {"id": NEWS})[1]["code"] == "audience_exists"
    _, changed = api("PATCH", f"/audiences/{NEWS}", {"name": "Weekly"})
    assert (changed["name"], changed["from"], changed["members"]) == ("Weekly", "72975", 0)
    contact = make(api, ANN)
    body = {"numbers": [PERSON, "(415) 555-0145", "nonsense", PERSON], "contacts": [contact["id"], "c00"]}
    _, added = api("POST", f"/audiences/{NEWS}/members", body)
    outcomes = ["joined", "joined", "invalid_number", "joined", "joined", "unknown_contact"]
    assert [one["outcome"] for one in added["results"]] == outcomes
    assert added["counts"] == {"joined": 4, "invalid_number": 1, "unknown_contact": 1}
    assert sorted(numbers_of(api, f"/audiences/{NEWS}/members")) == sorted([PERSON, ANN, WORK])
    assert api("GET", "/audiences")[1]["items"][0]["members"] == 3
    assert api("DELETE", f"/audiences/{NEWS}/members/{ANN}")[0] == 204
    assert api("DELETE", f"/audiences/{NEWS}/members/{ANN}")[0] == 404
    assert api("DELETE", f"/audiences/{NEWS}")[0] == 204
    assert api("GET", "/audiences")[1]["items"] == []
    api("POST", "/audiences", {"id": NEWS})
    assert numbers_of(api, f"/audiences/{NEWS}/members") == []


def test_an_audience_that_a_keyword_fills_is_not_removed(api: Api, services: Services) -> None:
    word = Keyword("JOIN", "join", audience=NEWS)
    services.store.directory.change("acme", lambda acme: replace(acme, keywords=(word,)))
    services.store.directory.current(fresh=True)
    assert api("DELETE", f"/audiences/{NEWS}")[1]["code"] == "audience_in_use"
    assert api("GET", f"/audiences/{NEWS}")[1]["created_at"] is None


def test_s002_adding_an_opted_out_number_fails_for_that_row_and_says_why(api: Api, services: Services) -> None:
    api("POST", "/audiences", {"id": NEWS})
    stop(services, ANN, audience=NEWS)
    stop(services, PERSON, Source.ADMIN, note="asked at the door")
    _, added = api("POST", f"/audiences/{NEWS}/members", {"numbers": [ANN, PERSON, WORK]})
    assert added["counts"] == {"opted_out": 2, "joined": 1}
    assert [(one["scope"], one["source"]) for one in added["results"][:2]] == [
        ("account+audience", "keyword"),
        ("account", "admin"),
    ]
    assert "asked at the door" in added["results"][1]["explanation"]
    assert numbers_of(api, f"/audiences/{NEWS}/members") == [WORK]


def test_the_sending_audience_counts_who_is_suppressed_by_reason_and_source(
    api: Api, services: Services, client: FlaskClient
) -> None:
    """Seed 000: the updated audience is visible; seed 003's trap: opted out is no "invalid number"."""
    services.store.directory.change("acme", lambda acme: replace(acme, settings={"remove_from_all_audiences": False}))
    numbers = [f"+1415555{index:04d}" for index in range(40)]
    row = [ContactRow(index, phones=[Phone(number)]) for index, number in enumerate([*numbers, PERSON])]
    services.contacts.take_rows(account_of(services), row, audience=NEWS, reset=False, actor="ann", batch="b")
    for number in numbers[:3]:
        stop(services, number)
    stop(services, numbers[3], Source.ADMIN)
    stop(services, numbers[0], Source.ADMIN)
    stop(services, numbers[4], audience=NEWS)
    stop(services, numbers[5], sender="72975")
    text(client, "wrong number")
    _, found = api("GET", f"/audiences/{NEWS}/sendable")
    assert found["suppressed"] == [
        {"reason": "held", "scope": "account", "source": None, "count": 1},
        {"reason": "opted_out", "scope": "account", "source": "admin", "count": 1},
        {"reason": "opted_out", "scope": "account", "source": "keyword", "count": 3},
        {"reason": "opted_out", "scope": "account+audience", "source": "keyword", "count": 1},
    ]
    assert found["members"] == 41
    assert found["sendable"] == 41 - 6
    _, from_sender = api("GET", f"/audiences/{NEWS}/sendable?from=72975")
    assert from_sender["sendable"] == found["sendable"] - 1
    # What it says is what the gate says of each.
    checked = services.consent.check(account_of(services), numbers, sender="72975", audience=NEWS)
    assert sum(not result.allowed for result in checked) == 6
