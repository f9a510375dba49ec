"""Ask a second administrator about a change that needs two, and handle the button press."""

import re
from datetime import datetime

import structlog

from bot.admin.commands import AdminCommand
from bot.admin.results import Waiting
from bot.admin.specs import Verb
from bot.core.access import Lockdown, Member
from bot.core.errors import SlackError
from bot.slack.admin.records import describe, mention
from bot.slack.app_context import AppContext
from bot.slack.blocks import (
    Message,
    RenderContext,
    actions,
    button,
    context,
    section,
    slack_date,
    text_message,
    verbatim,
)

log = structlog.get_logger()

AGREE, DISAGREE = "admin_agree", "admin_disagree"
# A button's value: the administrator who asked, and the request.
VALUE = re.compile(r"([UW][A-Z0-9]{1,30}) ([0-9a-f]{32})")


def proposal(waiting: Waiting, render: RenderContext, now: datetime) -> str:
    """Describe the change that waits in one sentence."""
    words, command = render.words.admin, waiting.command
    if command.verb is Verb.MAP:
        mapping = command.mapping()
        return words.proposed_move.format(
            profile=mapping.profile_name,
            domain=mapping.domain_id,
            owner=mention(waiting.owner.user_id) if waiting.owner else words.unknown_owner,
            user=mention(command.principal),
        )
    if command.verb is Verb.OFFBOARD:
        return render.words.workspaces.proposed.format(user=mention(command.principal))
    what = describe(waiting.lockdown or Lockdown("?"), render, now)
    form = words.proposed_lockdown if command.locks else words.proposed_unlock
    return form.format(what=what)


def question(waiting: Waiting, render: RenderContext, now: datetime) -> Message:
    """Ask another administrator, with buttons that hold only ids."""
    words, pending = render.words.admin, waiting.pending
    value = f"{pending.by.user_id} {pending.id}"
    text = words.asks_you.format(by=mention(pending.by.user_id))
    return Message(
        text,
        [
            section(f"*{text}*"),
            verbatim(proposal(waiting, render, now)),
            actions(
                button(words.agree, AGREE, value, style="primary"),
                button(words.disagree, DISAGREE, value, style="danger"),
            ),
            context(words.agree_until.format(until=slack_date(pending.expires_at))),
        ],
    )


def waits(waiting: Waiting, render: RenderContext, now: datetime) -> Message:
    """Tell the administrator who asked that nothing has changed yet."""
    text = render.words.admin.waits.format(until=slack_date(waiting.pending.expires_at))
    return Message(text, [section(text), verbatim(proposal(waiting, render, now))])


def ask_others(app: AppContext, waiting: Waiting) -> bool:
    """Post the question to all other administrators and the request channel; return whether it reached any."""
    tenant = waiting.pending.by.tenant
    readers = {user: app.render_for(Member(tenant, user)) for user in sorted(waiting.others)}
    if app.request_channel:
        readers[app.request_channel] = app.render()
    return sum(_post(app, place, question(waiting, render, app.now())) for place, render in readers.items()) > 0


def tell_declined(app: AppContext, asked_by: Member, by: Member, command: AdminCommand) -> None:
    """Tell the administrator who asked that another one declined."""
    text = app.render_for(asked_by).words.admin.declined_by.format(by=mention(by.user_id), verb=command.verb)
    _post(app, asked_by.user_id, text_message(text))


def _post(app: AppContext, place: str, message: Message) -> bool:
    try:
        app.slack.post(place, message)
    except SlackError as error:
        log.warning("message_not_posted", place=place, code=error.code)
        return False
    return True
