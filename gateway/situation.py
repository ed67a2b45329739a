"""One inbound text with everything that decides what to do about it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from gateway.account_settings import revokes_all, setting_of
from gateway.carriers.base import CarrierTraits, InboundText
from gateway.clock import Clock
from gateway.directory import owners_of
from gateway.reply_policy import Handling, Words, handling_of
from keywords import Action, Certainty, Context, Decision, Match, Pending, Rule, decide
from store import Store
from store.directory import Account, Keyword, Sender
from store.scopes import Scope

DOUBLE_OPT_IN, CLARIFICATION = "double_opt_in", "clarification"
_LONGEST_BODY = 20_000
# An answer to a question is short; longer texts are not worth another look into the store.
_LONGEST_ANSWER = 60
_YES = ("Y", "YES")


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question a number was asked.

    kind: double_opt_in or clarification. account: whose question it is. scope: what a clarification narrows. words:
    what confirms a double opt-in, when it is not just yes.
    """

    kind: str
    account: str
    audience: str = ""
    options: tuple[tuple[str, str], ...] = ()
    scope: str = ""
    words: tuple[str, ...] = ()

    def text(self) -> str:
        """The question as it is kept."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> "OpenQuestion":
        """The question from its kept form."""
        kept = json.loads(text)
        options = tuple((word, audience) for word, audience in kept["options"])
        return cls(kept["kind"], kept["account"], kept["audience"], options, kept["scope"], tuple(kept["words"]))

    def pending(self) -> Pending:
        """The question as the engine reads it."""
        yes = (self.words or _YES) if self.kind == DOUBLE_OPT_IN else ()
        return Pending(self.kind, yes=yes, options=self.options)


@dataclass(frozen=True)
class Situation:
    """One text and what is known about it.

    owners: the accounts on the sender; none when nobody has it. addressee: for a text to a shared sender that a
    person is to read or that asks for nothing, the account that texted its sender last; colleagues of that one see it,
    and no others (G8).
    question_at: the sender from which the open question was asked. last_audience: what the person was texted for last,
    looked up only when a STOP is to reach no further.
    """

    text: InboundText
    owners: Sequence[tuple[Account, Sender]]
    decision: Decision
    handling: Handling
    words: Words
    now: datetime
    question: OpenQuestion | None = None
    addressee: Account | None = None
    question_at: str = ""
    last_audience: str = ""

    @cached_property
    def account(self) -> Account | None:
        """The account whose sender this is, unless it is shared or unknown."""
        return self.owners[0][0] if len(self.owners) == 1 else None

    @cached_property
    def handled_by(self) -> str:
        """Who handles keywords at the sender, as it is configured."""
        return self.owners[0][1].keywords_handled_by if self.owners else "carrier"

    @cached_property
    def sender(self) -> str:
        """The sender as the accounts have it: for a number of a messaging service, the service."""
        return self.owners[0][1].address if self.owners else self.text.sender

    @cached_property
    def owner(self) -> str:
        """Whose the conversation is: the account, or "@" and the sender when it is shared or unknown."""
        account = self.account or self.addressee
        return account.id if account else f"@{self.sender}"

    def setting(self, name: str) -> Any:
        """The account's setting; the default for a shared or unknown sender."""
        return setting_of(self.account.settings if self.account else {}, name)

    @cached_property
    def occurred_at(self) -> datetime:
        """When the person texted: by the carrier's clock for a text that comes late (G7), and never in the future."""
        return min(self.text.received_at or self.now, self.now)

    @cached_property
    def meant(self) -> Account | None:
        """The account that is meant: whose question is answered, whose own word was used, or whose sender it is."""
        if self.answers_question and self.question is not None:
            return next((account for account, _ in self.owners if account.id == self.question.account), None)
        return next((a for a, _ in self.owners if self.decision.rule.startswith(f"{a.id}.")), self.account)

    @cached_property
    def answers_question(self) -> bool:
        """True when the text is the answer to the open question."""
        return self.decision.rule.startswith("pending.")

    @cached_property
    def stop_scope(self) -> Scope:
        """How far a STOP to this sender reaches now (design §4)."""
        if self.account is None:
            return Scope.of_sender(self.sender)
        narrow = self.setting("stop_scope")
        if narrow == "sender" and not self._revokes_all:
            return Scope.of_account_sender(self.account.id, self.owners[0][1].address)
        if self.last_audience and not self._revokes_all:
            return Scope.of_audience(self.account.id, self.last_audience)
        return Scope.of_account(self.account.id)

    @property
    def _revokes_all(self) -> bool:
        return revokes_all(self.account.settings if self.account else {}, self.now.date())

    @cached_property
    def is_to_be_read(self) -> bool:
        """True when a person is to read the text: it is held, or an opt-out by free words may be taken back."""
        by_free_words = self.decision.action is Action.OPT_OUT and self.decision.certainty is Certainty.CLEAR
        return self.held or by_free_words

    @cached_property
    def held(self) -> bool:
        """True when a person has to decide: the engine is unsure, or the account does not act by itself."""
        decision = self.decision
        if decision.held:
            return bool(self.setting("free_text") != "off" or decision.action is Action.OPT_OUT)
        if decision.action is not Action.OPT_OUT or self.text.carrier_action:
            return False
        free_words = decision.certainty is Certainty.CLEAR and self.setting("free_text") != "act"
        return bool(free_words or not self.setting("automated_opt_outs"))


class SituationReader:
    """Reads texts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._contexts: dict[str, Context] = {}
        self._contexts_of = -1

    def read(self, text: InboundText, traits: CarrierTraits) -> Situation:
        """What a text asks for, and of whom.

        Raises:
            StoreError: the directory or the open question could not be read.
        """
        text = replace(text, body=text.body[:_LONGEST_BODY])
        owners = owners_of(self._store.directory, text.sender, text.service)
        context = self._context(text, owners)
        decision = decide(text.body, context)
        sender = owners[0][1] if owners else None
        handled_by = sender.keywords_handled_by if sender else "carrier"
        kind = sender.kind if sender else "long_code"
        handling = handling_of(kind, handled_by, carrier_acted=bool(text.carrier_action))
        words = _whose_words(text, decision.action, traits, handling, handled_by)
        situation = Situation(text, owners, decision, handling, words, self._clock.now())
        if _may_be_an_answer(situation):
            situation = self._with_question(situation, context, traits)
        situation = _with_carriers_yes(situation, traits)
        if situation.decision.action is Action.OPT_OUT and situation.setting("stop_scope") == "audience":
            situation = replace(situation, last_audience=self._last_audience(situation))
        if len(owners) > 1 and (situation.is_to_be_read or situation.decision.action is Action.NONE):
            situation = replace(situation, addressee=self._addressee(situation))
        return situation

    def _last_audience(self, situation: Situation) -> str:
        thread = self._store.messages.thread(situation.owner, situation.text.address)
        senders = {situation.sender, situation.text.sender}
        sent = [message for message in thread if message.direction == "out" and message.sender in senders]
        return next((message.audience for message in reversed(sent) if message.audience), "")

    def _addressee(self, situation: Situation) -> Account | None:
        """The account on a shared sender that texted this person last.

        When none did, the first one has to decide about a text that somebody has to read; other words are nobody's.
        """
        newest: tuple[datetime, Account] | None = None
        for account, _ in situation.owners:
            for message in self._store.messages.thread(account.id, situation.text.address, limit=1):
                if newest is None or message.created_at > newest[0]:
                    newest = (message.created_at, account)
        if newest is None:
            return situation.owners[0][0] if situation.is_to_be_read else None
        return newest[1]

    def _context(self, text: InboundText, owners: Sequence[tuple[Account, Sender]]) -> Context:
        version = self._store.directory.current().version
        if version != self._contexts_of:
            self._contexts, self._contexts_of = {}, version
        kept = self._contexts.get(text.sender)
        if kept is None:
            kept = self._contexts[text.sender] = context_for(owners)
            if len(self._contexts) > 10_000:  # texts to unknown senders must not fill the memory
                self._contexts.clear()
        return replace(kept, carrier_action=Action(text.carrier_action)) if text.carrier_action else kept

    def _with_question(self, situation: Situation, context: Context, traits: CarrierTraits) -> Situation:
        text = situation.text
        for sender in (text.sender, text.service) if text.service else (text.sender,):
            kept = self._store.inbound.pending(sender, text.address)
            if kept is not None:
                question = OpenQuestion.parse(kept)
                decision = decide(text.body, replace(context, pending=question.pending()))
                words = _whose_words(text, decision.action, traits, situation.handling, situation.handled_by)
                return replace(situation, decision=decision, words=words, question=question, question_at=sender)
        return situation


def rule_id_of(account: Account, keyword: Keyword) -> str:
    """What an account's own word is called in decisions and findings."""
    return f"{account.id}.{keyword.word.casefold().replace(' ', '_')}"


def context_for(owners: Sequence[tuple[Account, Sender]]) -> Context:
    """What the engine may know of a sender: the words of the accounts on it, and what they switched off."""
    rules = tuple(
        Rule(
            id=rule_id_of(account, keyword),
            words=keyword.word,
            action=Action(keyword.action),
            match=Match(keyword.match),
            audience=keyword.audience or None,
            reply=keyword.reply or None,
        )
        for account, _ in owners
        for keyword in account.keywords
    )
    instructions = tuple(
        part.strip()
        for account, _ in owners
        for part in str(setting_of(account.settings, "opt_out_instructions")).split(",")
        if part.strip()
    )
    off = [frozenset((*account.keywords_off, *sender.keywords_off)) for account, sender in owners]
    # On a shared sender no account switches off a word for the others (G8).
    switched_off = frozenset.intersection(*off) if off else frozenset()
    return Context(rules=rules, instructions=instructions, switched_off=switched_off)


def _may_be_an_answer(situation: Situation) -> bool:
    decision = situation.decision
    if decision.action is Action.OPT_OUT and not decision.held:
        return False
    return len(situation.text.body) <= _LONGEST_ANSWER and bool(situation.text.body.strip())


def _whose_words(
    text: InboundText, action: Action, traits: CarrierTraits, handling: Handling, handled_by: str
) -> Words:
    if text.carrier_action:
        return Words.CARRIERS
    by_action = {
        Action.OPT_OUT: traits.opt_out_words,
        Action.OPT_IN: traits.opt_in_words,
        Action.HELP: traits.help_words,
    }
    if handling is Handling.TOLL_FREE and handled_by == "gateway":
        by_action = {Action.OPT_OUT: traits.network_opt_out_words}
    # Whether blanks around a word keep the carrier from acting on it is not documented (carriers reference 9.1).
    # They are taken to be ignored: a second confirmation would break the law, a missing one would not.
    known = text.body.strip().casefold() in by_action.get(action, frozenset())
    return Words.CARRIERS if known and handling is not Handling.GATEWAY else Words.OURS


def _with_carriers_yes(situation: Situation, traits: CarrierTraits) -> Situation:
    """YES is an opt-in word of the carrier where it handles keywords, and only there; toll-free networks ignore it."""
    word = situation.text.body.strip().casefold()
    honoured = situation.handling is Handling.CARRIER and word in traits.opt_in_words
    if not honoured or situation.answers_question or situation.decision.action is Action.OPT_IN:
        return situation
    sentence = f"The carrier takes {word.upper()} for START at this sender."
    decision = Decision(Action.OPT_IN, Certainty.EXACT, "carrier.opt_in", situation.text.body, None, sentence)
    return replace(situation, decision=decision, words=Words.CARRIERS)
