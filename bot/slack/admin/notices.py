"""Send administrators and former owners a direct message about a change that nobody makes unseen."""

from collections.abc import Callable, Iterable
from datetime import datetime

import structlog

from bot.admin.agreement import administrators
from bot.admin.history import short_name
from bot.admin.notices import Notice
from bot.admin.results import Done, Forgotten
from bot.core.access import Mapping, Member
from bot.core.errors import QueueFull, SlackError
from bot.slack.admin.records import describe, mention
from bot.slack.app_context import Admitted, AppContext
from bot.slack.blocks import Message, RenderContext, section, verbatim
from bot.slack.client import SlackApi
from bot.slack.words import words_for

log = structlog.get_logger()


def message(notice: Notice, render: RenderContext, now: datetime) -> Message:
    words, actor, record = render.words.admin, notice.actor, notice.record
    text = words.news[notice.news].format(
        user=mention(notice.user),
        owner=mention(notice.former.user_id) if notice.former else "",
        profile=record.profile_name if isinstance(record, Mapping) else "",
        domain=record.domain_id if isinstance(record, Mapping) else "",
        what=describe(record, render, now),
    )
    by = words.news_by_two if actor.approved_by else words.news_by
    by = by.format(by=mention(short_name(actor.name)), second=mention(actor.approved_by or ""))
    return Message(text, [verbatim(text), section(f"{by} {words.news_doubt}")])


def render_for(slack: SlackApi, member: Member) -> RenderContext:
    """Return how to render for a member, in their own language as far as Slack knows it."""
    try:
        return RenderContext(words_for(slack.person(member).locale))
    except SlackError:
        return RenderContext(words_for(None))


def send_aside(app: AppContext, admitted: Admitted, result: Done | Forgotten) -> None:
    """Send what a change calls for beside the answer. The log names those whom Slack did not let it reach."""
    if isinstance(result, Forgotten) or not result.notices:
        return

    def work() -> None:
        tenant, runner = admitted.member.tenant, app.command_runner
        readers = administrators(runner.admin, tenant, runner.admins)
        send(app.slack, result.notices, readers, tenant, render_for=app.render_for, now=app.now())

    try:
        app.overflow.submit(work)
    except QueueFull:
        log.error("notices_not_sent", request=admitted.id, why="too many at once")  # noqa: TRY400


def send(
    slack: SlackApi,
    notices: Iterable[Notice],
    administrators: Iterable[str],
    tenant: str,
    *,
    render_for: Callable[[Member], RenderContext],
    now: datetime,
) -> list[str]:
    """Send each notice to the administrators and the former owner; return the users whom Slack let none reach."""
    missed: list[str] = []
    for notice in notices:
        former = notice.former
        readers = {*administrators, *((former.user_id,) if former and former.tenant == tenant else ())}
        for user in sorted(readers):
            try:
                slack.post(user, message(notice, render_for(Member(tenant, user)), now))
            except SlackError as error:
                log.warning("notice_not_sent", user=user, news=notice.news, code=error.code)
                missed.append(user)
    return missed
