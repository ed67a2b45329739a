"""The API's routes. Each reads a body, calls one use case, and shows its answer."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from gateway.api.access import account, actor, check_key, services
from gateway.api.models import (
    ChangeResult,
    ChangeView,
    CheckBody,
    CheckItem,
    CheckResults,
    DeleteQuery,
    MessageCreated,
    MessagePath,
    NumberPath,
    OptOutView,
    PutBody,
    SendBody,
    TimelineItem,
)
from gateway.api.problems import Problem
from gateway.api.rendering import as_json, number_in
from gateway.api.text_models import MessageView
from gateway.api.text_rendering import block_view, message_item
from gateway.consent import CheckResult
from gateway.normalising import Normaliser
from gateway.outbound import SendRequest
from gateway.phone import NumberProblem
from store.consent import Outcome, Source
from store.scopes import ALL_CHANNELS, Channel

_MESSAGES = Tag(name="messages", description="Texts that go out.")
_OPT_OUTS = Tag(name="opt-outs", description="Who may not be texted or called, and why.")

api = APIBlueprint("api", __name__, url_prefix="/api/v1", abp_security=[{"key": []}])
api.before_request(check_key)


@api.post("/messages", tags=[_MESSAGES], responses={202: MessageCreated})
def send_message(body: SendBody) -> Response:
    """Take a text to be sent.

    202: it is stored and goes out through the gate. 409 `opted_out`: it was not taken.
    """
    message = services().outbound.accept(
        account(),
        SendRequest(
            sender=body.sender,
            address=number_in(body.to),
            body=body.body,
            kind=body.kind,
            audience=body.audience or "",
            idempotency_key=body.idempotency_key or "",
            sent_by=actor(),
        ),
    )
    return as_json(MessageCreated(id=message.id, status=message.status), 202)


@api.get("/messages/<id>", tags=[_MESSAGES], responses={200: MessageView})
def get_message(path: MessagePath) -> Response:
    """A text and its timeline."""
    message = services().store.messages.get(path.id)
    if message is None or message.account != account().id:
        raise Problem("not_found", "There is no message with this id.")
    timeline = services().store.messages.timeline(path.id)
    shown = [TimelineItem(at=e.at, event=e.what, detail=e.detail) for e in timeline]
    return as_json(MessageView(**message_item(message).model_dump(), timeline=shown))


@api.post("/opt-outs/check", tags=[_OPT_OUTS], responses={200: CheckResults})
def check_opt_outs(body: CheckBody) -> Response:
    """Whether numbers may be reached, in the order asked; 10,000 at most."""
    numbers = Normaliser(account().default_country or None).column(body.numbers)
    good = [number for number in numbers if not isinstance(number, NumberProblem)]
    checked = iter(
        services().consent.check(
            account(), good, sender=body.sender, audience=body.audience, channel=Channel(body.channel)
        )
    )
    items = [
        CheckItem(number=text, allowed=False, reason="invalid_number")
        if isinstance(number, NumberProblem)
        else _check_item(next(checked))
        for text, number in zip(body.numbers, numbers, strict=True)
    ]
    return as_json(CheckResults(results=items))


def _check_item(result: CheckResult) -> CheckItem:
    if result.block is None:
        return CheckItem(number=result.number, allowed=True)
    view = block_view(result.block)
    return CheckItem(
        number=result.number, allowed=False, reason="opted_out", scope=view.scope, source=view.source, since=view.since
    )


@api.get("/opt-outs/<number>", tags=[_OPT_OUTS], responses={200: OptOutView})
def get_opt_out(path: NumberPath) -> Response:
    """A number's opt-outs in this account."""
    number = number_in(path.number)
    blocks = services().consent.blocks(account(), number)
    held = services().store.consent.is_held(number, account().id)
    return as_json(
        OptOutView(number=number, opted_out=bool(blocks), held=held, opt_outs=[block_view(block) for block in blocks])
    )


@api.put("/opt-outs/<number>", tags=[_OPT_OUTS], responses={200: ChangeResult})
def put_opt_out(path: NumberPath, body: PutBody) -> Response:
    """Record an opt-out that came another way than by text. Repeating it changes nothing."""
    number = number_in(path.number)
    outcomes = services().consent.opt_out(
        account(),
        number,
        source=Source.API,
        actor=actor(),
        channels=tuple(Channel(channel) for channel in dict.fromkeys(body.channels)),
        sender=body.sender,
        audience=body.audience,
        note=body.note,
        occurred_at=body.occurred_at,
    )
    return _changed(number, outcomes)


@api.delete("/opt-outs/<number>", tags=[_OPT_OUTS], responses={200: ChangeResult})
def delete_opt_out(path: NumberPath, query: DeleteQuery) -> Response:
    """Lift what an admin, an import or a program entered. 409 when only the person can come back, with what to text."""
    number = number_in(path.number)
    outcomes = services().consent.lift(
        account(),
        number,
        source=Source.API,
        actor=actor(),
        channels=(Channel(query.channel),) if query.channel else ALL_CHANNELS,
        sender=query.sender,
        audience=query.audience,
        reason=query.reason,
    )
    return _changed(number, outcomes)


def _changed(number: str, outcomes: tuple[Outcome, ...]) -> Response:
    # The request may have named an audience that the account did not know before.
    owner = services().store.directory.current().accounts[account().id]
    blocks = services().consent.blocks(owner, number)
    changes = [ChangeView(scope=outcome.scope.kind.value, outcome=outcome.outcome) for outcome in outcomes]
    return as_json(
        ChangeResult(
            number=number, changes=changes, opted_out=bool(blocks), opt_outs=[block_view(block) for block in blocks]
        )
    )
