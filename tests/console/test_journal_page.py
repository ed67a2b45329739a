"""The journal page: what happened, filtered, in pages, as a file, and nobody else's."""

from datetime import timedelta

import pytest

from gateway.services import Services
from store.consent import Source
from tests.conftest import FakeClock
from tests.console.conftest import Visitor
from tests.webhooks import PERSON, text

JOURNAL = "/accounts/acme/journal"
OTHER = "+14155550177"


@pytest.fixture
def story(owner: Visitor, services: Services, clock: FakeClock) -> None:
    """Somebody says STOP and comes back; an admin enters somebody else."""
    text(owner.client, "STOP")
    clock.pass_time(timedelta(minutes=1))
    text(owner.client, "UNSTOP", MessageSid="SM" + "2" * 32)
    clock.pass_time(timedelta(minutes=1))
    acme = services.store.directory.current().accounts["acme"]
    services.consent.opt_out(
        acme, OTHER, source=Source.ADMIN, actor="user olivia@acme.example", note="said so on the phone"
    )


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3), ("?kind=lift", 1), ("?source=keyword", 2), ("?source=import", 0), (f"?number={OTHER}", 1),
        ("?number=(415) 555-0100", 2), ("?number=nonsense", 0), ("?since=2999-01-01", 0), ("?until=2000-01-01", 0),
        ("?cursor=broken", 3),
    ],
)  # fmt: skip
def test_the_journal_is_filtered_by_what_stands_in_its_address(
    owner: Visitor, story: None, query: str, count: int
) -> None:
    page = owner.get(JOURNAL + query).get_data(as_text=True)
    assert page.count('data-label="What happened"') == count


def test_the_file_has_what_the_page_shows(owner: Visitor, story: None) -> None:
    lines = owner.get(f"{JOURNAL}/export?kind=lift").get_data(as_text=True).strip().splitlines()
    assert len(lines) == 2
    assert PERSON in lines[1]
    assert "UNSTOP" in lines[1]
    owner.get(f"{JOURNAL}/export?format=papyrus", status=404)


def test_g8_no_account_sees_the_journal_of_another(stranger: Visitor, story: None) -> None:
    assert "Nothing yet" in stranger.get("/accounts/globex/journal").get_data(as_text=True)
    stranger.get(JOURNAL, status=404)


def test_an_agent_reads_it_and_exports_nothing(colleague: Visitor, story: None) -> None:
    assert "export" not in colleague.get(JOURNAL).get_data(as_text=True)
    colleague.get(f"{JOURNAL}/export", status=403)
