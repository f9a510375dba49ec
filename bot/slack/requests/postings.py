"""The messages in which approvers read an access request: send them, and show how it stands."""

from collections.abc import Collection

import structlog

from bot.core.access import Member
from bot.core.errors import SlackError, StoreError
from bot.core.records import AccessRequest, Posting, RequestState
from bot.slack.app_context import AppContext
from bot.slack.blocks import Message, RenderContext
from bot.slack.requests import views as request_views

log = structlog.get_logger()


def ask_approvers(app: AppContext, request: AccessRequest) -> bool:
    """Post to the request channel, and to each approver in their language. Returns whether it reached anybody.

    In a channel, everybody reads it, so administrators get no message of their own.
    """
    approvers, fallback = app.access_requests.basis.asked(request)
    if app.request_channel:
        approvers -= app.admins
    posted = _ask_each(app, request, approvers)
    if app.request_channel:
        posted += _post_to(app, request, app.request_channel, app.render())
    posted = posted or _ask_each(app, request, fallback)
    if not posted:
        return False
    try:
        stands = app.access_requests.requests.posted(request.member, request.id, posted)
    except StoreError as error:  # their buttons stay until somebody presses one, and reads the end then
        log.warning("postings_not_kept", request=request.id, why=str(error))
    else:
        if stands is not None and stands.state is not RequestState.OPEN:  # somebody was faster than we are
            settle(app, stands)
    return True


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
    channel, _, ts = message.partition("/")
    is_open = request.state is RequestState.OPEN and app.now() < request.expires_at
    show = request_views.to_admins if is_open else request_views.settled
    return app.slack.update(channel, ts, show(request, app.render(locale=language)))
