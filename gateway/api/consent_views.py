"""The API's routes about reviews, subscriptions, keywords and replies."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from gateway.api.access import account, actor, check_key, services
from gateway.api.consent_models import (
    DecideBody,
    Decided,
    KeywordList,
    KeywordPath,
    KeywordView,
    LimitQuery,
    PreviewBody,
    PreviewView,
    ReviewList,
    ReviewView,
    SubscribeBody,
    SubscriptionView,
    SwitchBody,
    UnsubscribeQuery,
    finding_view,
    own_keyword_view,
)
from gateway.api.models import ChangeView, MessagePath
from gateway.api.problems import Problem
from gateway.api.rendering import as_json, number_in
from gateway.keyword_switches import KeywordState
from gateway.linting import TEXT_NAMES, lint, preview
from gateway.reply_texts import LANGUAGES
from gateway.reviewing import ReviewItem

_REVIEWS = Tag(name="reviews", description="Texts that a person has to read.")
_SUBSCRIPTIONS = Tag(name="subscriptions", description="Who is in which audience.")
_KEYWORDS = Tag(name="keywords", description="Built-in keywords, their switches, and replies.")

consent_api = APIBlueprint("api_consent", __name__, url_prefix="/api/v1", abp_security=[{"key": []}])
consent_api.before_request(check_key)


@consent_api.get("/reviews", tags=[_REVIEWS], responses={200: ReviewList})
def list_reviews(query: LimitQuery) -> Response:
    """The review queue: held texts first, then opt-outs by free words that may be taken back."""
    items = services().reviews.queue(account(), limit=query.limit)
    return as_json(ReviewList(items=[_review_view(item) for item in items]))


def _review_view(item: ReviewItem) -> ReviewView:
    message = item.message
    return ReviewView(
        id=message.id,
        state=item.state,
        number=message.address,
        sender=message.sender,
        text=message.body,
        explanation=message.extra.get("explanation", ""),
        rule=message.extra.get("rule", ""),
        received_at=message.created_at,
        deadline=item.deadline,
        overdue=item.overdue,
        last_sent=item.last_sent.body if item.last_sent else None,
    )


@consent_api.post("/reviews/<id>", tags=[_REVIEWS], responses={200: Decided})
def decide_review(path: MessagePath, body: DecideBody) -> Response:
    """Decide about a text: opt_out, not_opt_out, or wrong_number. Taking an opt-out back needs a reason."""
    outcomes = services().reviews.decide(account(), path.id, body.decision, actor=actor(), reason=body.reason)
    changes = [ChangeView(scope=outcome.scope.kind.value, outcome=outcome.outcome) for outcome in outcomes]
    return as_json(Decided(id=path.id, decision=body.decision, changes=changes))


@consent_api.post("/subscriptions", tags=[_SUBSCRIPTIONS], responses={200: SubscriptionView, 202: SubscriptionView})
def subscribe(body: SubscribeBody) -> Response:
    """Put a number into an audience. 202: it opted out before, and the person has to confirm by a text of its own."""
    number = number_in(body.number)
    done = services().subscriptions.subscribe(account(), number, body.audience, sender=body.sender, actor=actor())
    view = SubscriptionView(
        number=number, audience=body.audience, status=done.status, word=done.word or None, text_to=done.text_to or None
    )
    return as_json(view, 202 if done.status == "pending" else 200)


@consent_api.delete("/subscriptions", tags=[_SUBSCRIPTIONS], responses={200: SubscriptionView})
def unsubscribe(query: UnsubscribeQuery) -> Response:
    """Take a number out of an audience. To block texts as well, record an opt-out."""
    number = number_in(query.number)
    left = services().subscriptions.leave(account(), number, query.audience)
    status = "left" if left else "not_a_member"
    return as_json(SubscriptionView(number=number, audience=query.audience, status=status))


@consent_api.post("/replies/preview", tags=[_KEYWORDS], responses={200: PreviewView})
def preview_reply(body: PreviewBody) -> Response:
    """A reply as a person would get it, with its segments and what the linter says."""
    if body.name not in TEXT_NAMES:
        raise Problem("invalid_request", f"name: has to be one of {', '.join(TEXT_NAMES)}")
    if body.language not in LANGUAGES:
        raise Problem("invalid_request", f"language: has to be one of {', '.join(LANGUAGES)}")
    shown = preview(account(), body.name, body.language, body.body)
    findings = [finding_view(finding) for finding in shown.findings]
    return as_json(PreviewView(text=shown.text, encoding=shown.encoding, segments=shown.segments, findings=findings))


@consent_api.get("/keywords", tags=[_KEYWORDS], responses={200: KeywordList})
def list_keywords() -> Response:
    """Every built-in keyword with its switch, and the linter's findings about the account's own words and replies."""
    states = services().keyword_switches.states(account())
    findings = [finding_view(finding) for finding in lint(account())]
    own = [own_keyword_view(keyword) for keyword in account().keywords]
    return as_json(KeywordList(items=[_keyword_view(state) for state in states], own=own, findings=findings))


@consent_api.put("/keywords/<id>", tags=[_KEYWORDS], responses={200: KeywordView})
def switch_keyword(path: KeywordPath, body: SwitchBody) -> Response:
    """Switch a keyword on or off. Off: its texts are held for a person. A mandatory word needs `understood`."""
    state = services().keyword_switches.switch(
        account(), path.id, on=body.on, sender=body.sender, understood=body.understood, actor=actor()
    )
    return as_json(_keyword_view(state))


def _keyword_view(state: KeywordState) -> KeywordView:
    rule = state.rule
    return KeywordView(
        id=rule.id,
        words=list(rule.words),
        action=rule.action.value,
        language=rule.language,
        mandatory=rule.mandatory,
        law=rule.law,
        off_at=list(state.off_at),
    )
