"""Two weeks of a small company, lived through in a minute: what pages and the guide's pictures have to show.

It is written by the product's own use cases with a clock of its own, before `stopgate up` begins on the same folder.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.opt_out_adding import Addition, add_opt_outs
from gateway.outbound import SendRequest
from gateway.queueing import parts_of
from gateway.services import Services, build
from gateway.settings import load_settings
from gateway.supervision.embedded import EmbeddedStore
from store.consent import Channel, Source
from store.directory import Account
from tests.browser.company import ACCOUNTS, LOCAL, SHORT_CODE
from tests.conftest import FakeClock

ADA, CARL, PROGRAM = "user ada@example.com", "user carl@example.com", "key crm"

PEOPLE = (
    "Rosa Alvarez", "Omar Haddad", "Hana Sato", "Kofi Mensah", "Ingrid Dahl", "Tomás Rivera", "Leila Rahimi", "Ben Cohen",
    "Mei Lin", "Anna Kowalska", "Jamal Brooks", "Priya Nair", "Sven Olsen", "Chloé Martin", "Diego Ortiz", "Nora Walsh",
    "Yusuf Demir", "Grace Kim", "Paul Weber", "Amara Obi", "Lucia Rossi", "Sam Taylor", "Eva Novak", "Noah Green",
)  # fmt: skip

_FAIR = "Riverside Books: our book fair is this Saturday, 10 to 6. Reply STOP to cancel."
_CLUB = "Riverside Books: the book club reads Piranesi in December. Reply STOP to cancel."

# Days ago, time of day in UTC, who, what happens, with which words.
DIARY = (
    (12, "15:02", 0, "texts", "HOURS"),
    (12, "17:40", 1, "texts", "Do you buy used books?"),
    (12, "17:52", 1, "is answered", "We do, on Mondays. Bring up to 20 at a time."),
    (11, "16:15", 2, "texts", "STOP"),
    (11, "18:30", 24, "texts", "BOOKS"),
    (10, "14:05", "book-club", "are sent", _CLUB),
    (10, "14:09", 3, "texts", "stop"),
    (10, "14:31", 4, "texts", "Please take me off your list"),
    (10, "16:20", 5, "texts", "Gracias, allí estaré"),
    (9, "15:45", 6, "texts", "BAJA"),
    (9, "19:12", 25, "is opted out by an admin", "Said so at the counter"),
    (8, "15:00", 7, "texts", "Is the new Ishiguro in?"),
    (8, "15:20", 7, "is answered", "It is. Shall I keep one for you?"),
    (8, "15:22", 7, "texts", "Yes please!"),
    (7, "17:10", 8, "texts", "unsubscribe"),
    (7, "18:00", 26, "is opted out by a program", "Unsubscribed on the web page"),
    (6, "14:44", 27, "is opted out of calls", "No calls, texts are fine"),
    (6, "16:30", 9, "texts", "Help"),
    (5, "15:05", 8, "texts", "UNSTOP"),
    (5, "17:33", 10, "texts", "stopp"),
    (4, "16:00", "story-time", "are sent", _FAIR),
    (4, "16:03", 11, "texts", "Lovely, see you there"),
    (4, "16:07", 12, "texts", "QUIT"),
    (4, "16:41", 13, "texts", "lose my number"),
    (3, "15:18", 28, "texts", "BOOKS"),
    (3, "20:02", 14, "texts", "Can I return a gift without the receipt?"),
    (3, "20:15", 14, "is opted out by an agent", "Asked on the phone to be left alone"),
    (2, "14:50", 15, "texts", "HOURS"),
    (2, "16:26", 16, "texts", "END"),
    (2, "18:11", 29, "is opted out by an admin", "Wrote us a letter"),
    (1, "15:37", 17, "texts", "How late are you open tonight?"),
    (1, "17:01", 18, "texts", "Stop all"),
    (1, "19:45", 30, "has their carrier say so", ""),
)  # fmt: skip

# Minutes ago: today, whenever that is.
TODAY = (
    (55, 19, "texts", "Hi! Do you have gift cards?"),
    (40, 20, "texts", "STOP"),
    (28, 21, "texts", "Thank you for the lovely evening"),
    (12, 22, "texts", "Which room is story time in?"),
)  # fmt: skip


def number_of(person: int) -> str:
    """A number of the range kept for fiction."""
    return f"+1415555{100 + person:04d}"


@dataclass(frozen=True, slots=True)
class Traces:
    """What the past left, of which there are pages of their own."""

    contact: str
    opt_outs: str
    contacts: str
    undone: str
    tried: str
    upload: str
    sent: str
    draft: str
    endpoint: str
    key: str
    link: str


def live_through(data: Path, environment: Mapping[str, str], url: str, told: str) -> Traces:
    """Write the past into the store of a data folder.

    Args:
        data: the folder of an installation that does not run yet.
        environment: its settings.
        url: where it will be.
        told: the address of a program that is told of events.
    """
    with EmbeddedStore(data, "aof") as store:
        # Jobs are done here and now; those that are queued go where no worker of the installation looks.
        elsewhere = {"STOPGATE_PUBLIC_URL": url, "STOPGATE_QUEUE_URL": f"{store.url}?db=1"}
        clock = FakeClock()
        services = build(load_settings({**environment, **elsewhere}), clock=clock)
        services.store.functions.ensure_loaded()
        wanted = services.configuration.read_file(ACCOUNTS)
        services.configuration.apply(services.configuration.plan(wanted.accounts))
        services.belongings.apply(services.belongings.plan(wanted.belongings))
        try:
            return _Past(services, clock, data.parent).live(told)
        finally:
            services.close()


class _Past:
    def __init__(self, services: Services, clock: FakeClock, folder: Path) -> None:
        self._services = services
        self._clock = clock
        self._now = clock.now()
        self._folder = folder
        self._sent: list[str] = []

    @property
    def _account(self) -> Account:
        return self._services.store.directory.current().accounts["demo"]

    def live(self, told: str) -> Traces:
        services = self._services
        self._clock.time = self._at(13, "15:00")
        endpoint = services.event_delivery.add("demo", told, ["opted_out", "opted_in", "import_finished"], "Our CRM")
        services.account_changes.make_key(self._account, "send", name="Shop", actor=ADA)
        services.account_changes.make_key(self._account, "manage", name="CRM", actor=ADA)
        contacts = self._import("contacts", "members.csv", _members(), audience="book-club")
        opt_outs = self._import("opt_outs", "old-system.csv", _old_system(), note="From the product we used before")
        self._join_story_time()
        for days, moment, who, does, words in DIARY:
            self._clock.time = self._at(days, moment)
            self._do(who, does, words)
        undone = self._import(
            "opt_outs", "guests-of-the-fair.csv", "phone\n" + "".join(f"{number_of(n)}\n" for n in (40, 41, 42))
        )
        services.import_jobs.ask_undo(self._account, undone, actor=ADA, reason="It was the list of guests")
        self._work()
        for minutes, who, does, words in TODAY:
            self._clock.time = self._now - timedelta(minutes=minutes)
            self._do(who, does, words)
        self._clock.time = self._now
        self._text(31, "Is anybody there?", sender="+12025550100")
        upload, tried = self._try(
            "opt_outs",
            "letters-of-november.csv",
            "Telephone,Opted out on\n(415) 555-0150,11/03/2026\n(415) 555-0151,11/04/2026\n555,11/04/2026\n",
        )
        contact = services.contacts.with_number(self._account, number_of(1), limit=1).items[0]
        (key, *_) = services.store.api_keys.all("demo")
        link = services.opt_out_links.link(self._account, LOCAL, number_of(1))
        draft = services.broadcasts.create(
            self._account, name="Winter reading", audience="book-club", sender=LOCAL, actor=ADA,
            body="Riverside Books: our winter list is here. Ask for it at the counter. Reply STOP to cancel.",
        ).record.id  # fmt: skip
        return Traces(
            contact=contact.id, opt_outs=opt_outs, contacts=contacts, undone=undone, tried=tried, upload=upload,
            sent=self._sent[-1], draft=draft, endpoint=endpoint.id, key=key.id, link=link,
        )  # fmt: skip

    def _at(self, days: int, moment: str) -> datetime:
        hour, minute = (int(part) for part in moment.split(":"))
        return (self._now - timedelta(days=days)).replace(hour=hour, minute=minute, second=0, microsecond=0)

    def _do(self, who: Any, does: str, words: str) -> None:
        doing = {
            "texts": self._text,
            "is answered": self._answer,
            "are sent": self._send,
            "is opted out by an admin": self._opt_out,
            "is opted out by a program": lambda who, words: self._opt_out(who, words, source=Source.API, actor=PROGRAM),
            "is opted out of calls": lambda who, words: self._opt_out(who, words, channels=(Channel.VOICE,)),
            "is opted out by an agent": self._opt_out_in_conversation,
            "has their carrier say so": self._be_refused,
        }
        doing[does](who, words)
        self._work()

    def _text(self, person: int, words: str, sender: str = "") -> None:
        simulator: Any = self._services.carriers["simulator"]
        to = sender or (SHORT_CODE if person % 5 == 4 else LOCAL)
        call = simulator.text("http://localhost", sender=to, address=number_of(person), body=words)
        simulator.verify(call)
        for text in simulator.parse_inbound(call):
            self._services.inbound.receive(text, simulator.traits)

    def _answer(self, person: int, words: str) -> None:
        self._services.conversations.reply(self._account, number_of(person), words, actor=CARL)

    def _send(self, audience: str, words: str) -> None:
        broadcasts = self._services.broadcasts
        name = {_FAIR: "Book fair", _CLUB: "December's book"}[words]
        made = broadcasts.create(self._account, name=name, audience=audience, sender=LOCAL, body=words, actor=ADA)
        self._sent.append(made.record.id)
        broadcasts.start(self._account, made.record.id, actor=ADA)

    def _opt_out(
        self, person: int, words: str, *, source: Source = Source.ADMIN, actor: str = ADA,
        channels: tuple[Channel, ...] = (Channel.TEXT, Channel.VOICE),
    ) -> None:  # fmt: skip
        addition = Addition(channels=channels, note=words)
        add_opt_outs(self._services.consent, self._account, [number_of(person)], addition, source=source, actor=actor)

    def _opt_out_in_conversation(self, person: int, words: str) -> None:
        self._services.conversations.opt_out(self._account, number_of(person), actor=CARL, note=words)

    def _be_refused(self, person: int, words: str) -> None:
        request = SendRequest(LOCAL, "+15005550004", _FAIR, sent_by=ADA)
        self._services.outbound.accept(self._account, request)

    def _join_story_time(self) -> None:
        numbers = [number_of(person) for person in range(10, 24)]
        self._services.audiences.add(self._account, "story-time", numbers)

    def _import(self, kind: str, name: str, content: str, **wishes: Any) -> str:
        _, tried = self._try(kind, name, content, **wishes)
        applied = self._services.import_jobs.apply(self._account, tried, actor=ADA)
        self._work()
        return applied.id

    def _try(self, kind: str, name: str, content: str, **wishes: Any) -> tuple[str, str]:
        path = self._folder / name
        path.write_text(content, encoding="utf-8")
        uploads = self._services.import_uploads
        upload = uploads.keep(self._account, path, kind=kind, name=name, actor=ADA)
        tried = uploads.try_out(self._account, upload, actor=ADA, **wishes)
        self._work()
        return upload.id, tried.id

    def _work(self) -> None:
        """Do what workers and the sweeper would."""
        services = self._services
        done: set[str] = set()
        while True:
            for shard in services.store.following.shards_behind():
                services.following.follow(shard)
            due = services.store.outbox.claim_due(
                self._clock.now() + timedelta(minutes=1), lease=timedelta(seconds=30), limit=1000
            )
            # What failed is tried again later, by the installation.
            new = sorted(set(due) - done)
            if not new:
                return
            for effect in new:
                kind, identifier = parts_of(effect)
                services.doers[kind](identifier)
            done.update(new)


def _members() -> str:
    towns = ("Oakland", "Berkeley", "Alameda")
    rows = [
        f"{name.replace(' ', ',', 1)},{number_of(place)},{towns[place % 3]}" for place, name in enumerate(PEOPLE[:20])
    ]
    return "\n".join(["First name,Last name,Phone,City", *rows, "Walk,In,unknown,", "Old,Entry,555-01,"]) + "\n"


def _old_system() -> str:
    rows = [f"{number_of(60 + place)},2026-0{1 + place % 9}-1{place % 10}" for place in range(24)]
    return (
        "\n".join(["Phone,Opted out on", *rows, f"{number_of(60)},2026-03-03", "n/a,2026-03-04", "911,2026-03-05"])
        + "\n"
    )
