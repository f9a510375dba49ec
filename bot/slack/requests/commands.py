"""Administrators' commands about access requests: list the open ones, approve and deny."""

from functools import partial

from bot.admin.commands import AdminCommand
from bot.admin.specs import Verb
from bot.core.access import Member
from bot.slack.admin.records import mention
from bot.slack.app_context import Admitted, AppContext, reply
from bot.slack.blocks import Block, Message, RenderContext, context, section, text_message
from bot.slack.requests import views as request_views
from bot.slack.requests.handlers import decide

# Blocks for access requests with their buttons. Slack allows 50 a message; the heading and the count take one each.
MAX_BLOCKS = 48
VERBS = (Verb.REQUESTS, Verb.APPROVE, Verb.DECLINE)


def carry_out(app: AppContext, admitted: Admitted, render: RenderContext, command: AdminCommand) -> None:
    """Carry out a command about access requests. StudioLinksError if the tables fail."""
    if command.verb is Verb.REQUESTS:
        app.metrics.outcome("admin_answered")
        reply(app, admitted.origin, open_requests(app, admitted.member.tenant, render), replace=False)
        return
    who = Member(admitted.member.tenant, command.principal)
    request = app.access_requests.open_request(who)
    if request is None:
        app.metrics.outcome("admin_answered")
        text = render.words.admin.no_request.format(user=mention(who.user_id))
        reply(app, admitted.origin, text_message(text), replace=False)
        return
    work = partial(app.access_requests.deny, reason=command.reason)
    if command.verb is Verb.APPROVE:
        mapping = command.mapping() if command.names_profile else None
        work = partial(app.access_requests.approve, mapping=mapping, asked_for=mapping is not None)
    decide(app, admitted, f"{who.user_id} {request.id}", render, work)


def open_requests(app: AppContext, tenant: str, render: RenderContext) -> Message:
    """Render the open requests, each with its buttons."""
    requests, words = app.access_requests.asked(tenant), render.words.admin
    if not requests:
        return text_message(words.no_requests)
    head = words.open_requests.format(number=len(requests))
    shown: list[Block] = []
    for number, request in enumerate(requests):
        blocks = [*request_views.to_admins(request, render).blocks, {"type": "divider"}]
        if len(shown) + len(blocks) > MAX_BLOCKS:
            shown.append(context(words.counts.format(first=1, last=number, number=len(requests))))
            break
        shown += blocks
    return Message(head, [section(head), *shown])
