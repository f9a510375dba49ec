"""The messages in which approvers read an access request: send them, and show how it stands."""

from collections.abc import Collection

import structlog

from bot.core import audit
from bot.core.access import Member, Person
from bot.core.errors import SlackError, StoreError
from bot.core.records import AccessRequest, Posting, RequestState
from bot.core.waiting import asks_fallback
from bot.slack.app_context import AppContext, announce
from bot.slack.blocks import Message, RenderContext
from bot.slack.members.home import show_home
from bot.slack.requests import views as request_views

log = structlog.get_logger()


def ask_approvers(app: AppContext, request: AccessRequest) -> bool:
    """Post to the request channel, and to each approver in their language. Returns whether it reached anybody.

    In a channel, everybody can read it, so administrators get no direct message. A reminder skips approvers who have
    already approved, and moves the buttons below newer messages.
    """
    approvers, fallback = app.access_requests.basis.asked(request)
    posted = _post_to(app, request, app.request_channel, app.render()) if app.request_channel else []
    spared = {*request.approvers, *(app.admins if posted else ())}
    posted += _ask_each(app, request, approvers - spared)
    if asks_fallback(request) or not posted:
        posted += _ask_each(app, request, fallback - approvers - spared)
    if not posted:
        return False
    places = {_place(each) for each in posted}
    earlier = [
        each for each in request.postings if not (_place(each) in places and _replace_by_newer(app, each, request))
    ]
    try:
        stands = app.access_requests.requests.posted(request.member, request.id, [*earlier, *posted])
    except StoreError as error:  # their buttons stay until somebody presses one, and reads the end then
        log.warning("postings_not_kept", request=request.id, why=str(error))
    else:
        if stands is not None and (stands.state, stands.approvers) != (request.state, request.approvers):
            settle(app, stands)  # somebody has decided meanwhile
    return True


def remind(app: AppContext, request: AccessRequest) -> None:
    """Show a request to its approvers again."""
    app.metrics.outcome("ask_reminded" if ask_approvers(app, request) else "asked_nobody")


def show_end(app: AppContext, request: AccessRequest, person: Person) -> None:
    """Tell the member and all approvers that nobody decided in time, or that access could not begin.

    Only the home tab shows that access has begun: an earlier message named the day, and it may be night.
    """
    render = app.render(locale=person.locale)
    outcome, shown = audit.RAN_OUT, request_views.ran_out
    if request.state is not RequestState.OPEN:
        outcome, shown = audit.NOT_BEGUN, request_views.to_member
    if request.state is not RequestState.APPROVED:
        app.metrics.outcome(f"ask_{outcome}")
        post(app, person.user_id, shown(request, render))
        settle(app, request)
        announce(app, request.id, f"{person.user_id} · request · {outcome}")
    show_home(app, request.member, person)


def _place(posting: Posting) -> str:
    """Return the channel or conversation of a message."""
    return posting.message.partition("/")[0]


def _replace_by_newer(app: AppContext, posting: Posting, request: AccessRequest) -> bool:
    """Take the buttons off a message that a reminder in the same place replaces."""
    return app.slack.update(posting.message, request_views.asked_again(request, app.render(locale=posting.language)))


def _ask_each(app: AppContext, request: AccessRequest, users: Collection[str]) -> list[Posting]:
    """Send a request to these users, each in their language."""
    readers = ((user, app.render_for(Member(request.member.tenant, user))) for user in sorted(users))
    return [posting for user, render in readers for posting in _post_to(app, request, user, render)]


def _post_to(app: AppContext, request: AccessRequest, place: str, render: RenderContext) -> list[Posting]:
    """Return the posted message; none if Slack did not take it."""
    posted = post(app, place, request_views.to_admins(request, render))
    return [] if posted is None else [Posting(posted, render.words.language)]


def post(app: AppContext, place: str, message: Message) -> str | None:
    """Return the message by channel and time; None if Slack did not take it."""
    try:
        return app.slack.post(place, message)
    except SlackError as error:
        log.warning("message_not_posted", place=place, code=error.code)
        return None


def settle(app: AppContext, request: AccessRequest, *, but: str | None = None) -> int:
    """Show how the request stands in each message with its buttons, but one. Returns in how many."""
    return sum(replace_message(app, each.message, request) for each in request.postings if each.message != but)


def replace_message(app: AppContext, message: str, request: AccessRequest) -> bool:
    """Replace a message with the state of the request, in the message's own language."""
    language = next((each.language for each in request.postings if each.message == message), None)
    is_open = request.state is RequestState.OPEN and app.now() < request.expires_at
    show = request_views.to_admins if is_open else request_views.settled
    return app.slack.update(message, show(request, app.render(locale=language)))
