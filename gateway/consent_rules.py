"""Which consent changes a text asks for (design §4)."""

from gateway.situation import DOUBLE_OPT_IN, OpenQuestion, Situation
from keywords import Action, Certainty
from store.consent import Change, Source, owner_of
from store.directory import Account, Sender
from store.scopes import ALL_CHANNELS, Channel, Scope, both_sides


def changes_for(situation: Situation) -> tuple[Change, ...]:
    """The changes of a text; none when a person has to read it first."""
    if situation.held or not situation.decision.acts:
        return ()
    if situation.answers_question and situation.question is not None:
        if situation.question.kind == DOUBLE_OPT_IN:
            return _confirmed(situation)
        return _narrowed(situation, situation.question)
    match situation.decision.action:
        case Action.OPT_OUT:
            return _opt_out(situation)
        case Action.OPT_IN if situation.decision.certainty is Certainty.EXACT:
            return _lifts(situation, Source.KEYWORD)
    return ()


def _opt_out(situation: Situation) -> tuple[Change, ...]:
    channels = ALL_CHANNELS if situation.setting("text_stop_blocks_voice") else (Channel.TEXT,)
    scope = situation.stop_scope
    changes = [Change("opt_out", scope, owner_of(scope), Source.KEYWORD, channels)]
    if not situation.owners and situation.text.service:
        # Nobody has this number nor its service yet; whoever gets either finds the STOP.
        service = Scope.of_sender(situation.text.service)
        changes.append(Change("opt_out", service, owner_of(service), Source.KEYWORD, channels))
    if situation.text.carrier_action == Action.OPT_OUT:
        # The carrier said that it blocks this sender; only START to it lifts that.
        changes += [_at_carrier(account, sender) for account, sender in situation.owners]
    return tuple(changes)


def _at_carrier(account: Account, sender: Sender) -> Change:
    scope = Scope.of_account_sender(account.id, sender.address)
    return Change("opt_out", scope, account.id, Source.CARRIER, (Channel.TEXT,))


def _lifts(situation: Situation, source: Source) -> tuple[Change, ...]:
    """START lifts the person's own blocks for the sender texted and its account.

    A confirmed opt-in is about one account's question: the others on a shared sender keep theirs (G8).
    """
    scopes: list[Scope] = []
    for account, sender in situation.owners:
        if source is Source.CONFIRMED and account != situation.meant:
            continue
        scopes += [Scope.of_account(account.id), Scope.of_account_sender(account.id, sender.address)]
        scopes += [Scope.of_audience(account.id, audience) for audience in account.audiences]
    shared = [Scope.of_sender(address) for address in dict.fromkeys(_addresses(situation))]
    # What usually changes goes first: it is what the journal names when nothing did.
    scopes = [*shared, *scopes] if situation.account is None else [*scopes, *shared]
    if source is Source.CONFIRMED:
        scopes = list(both_sides(scopes))
    return tuple(Change("lift", scope, owner_of(scope), source) for scope in scopes)


def _addresses(situation: Situation) -> tuple[str, ...]:
    """The sender texted by every name it has: its own, and the service it is in."""
    return tuple(filter(None, (situation.sender, situation.text.sender, situation.text.service)))


def _confirmed(situation: Situation) -> tuple[Change, ...]:
    """A confirmed opt-in lifts whatever blocked the text it is about: it is fresh, documented consent."""
    return _lifts(situation, Source.CONFIRMED)


def _narrowed(situation: Situation, question: OpenQuestion) -> tuple[Change, ...]:
    """The person said which texts they meant (US-11): those stay blocked, the rest is open again."""
    scope = Scope.parse(question.scope)
    chosen = Scope.of_audience(scope.account, situation.decision.audience or "")
    return (
        Change("opt_out", chosen, chosen.account, Source.KEYWORD),
        Change("lift", scope, scope.account, Source.KEYWORD),
    )
