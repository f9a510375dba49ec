"""Tell members and administrators what has become of work on a workspace."""

from dataclasses import replace

import structlog

from bot.core.access import Member
from bot.core.errors import SlackError
from bot.core.jobs import Job, JobKind, JobState
from bot.core.link import Reason
from bot.core.values import USER_ID
from bot.slack.admin.records import mention
from bot.slack.admin.views import for_slack
from bot.slack.app_context import AppContext, announce
from bot.slack.blocks import Message, RenderContext, actions, button, escape, parts, section, text_message
from bot.slack.members.home import show_home
from bot.slack.members.views import HOME_OPEN
from bot.slack.workspaces.items import item_lines

log = structlog.get_logger()


def show(app: AppContext, job: Job) -> Job:
    """Show the progress or the end of a job; return it with the message that shows its progress.

    Raises:
        SlackError: Slack did not answer, so the next visit shows it.
    """
    if app.running is not None:
        for workspace in job.workspaces:
            app.running.changes.apps.forget(workspace.mapping)
    if job.kind is JobKind.OFFBOARD:
        job = _show_offboarding(app, job)
    elif not job.is_open:
        _tell_end(app, job)
    if not job.is_open:
        announce(app, job.id, f"{job.member.user_id} · {job.kind} · {job.state} · by {escape(job.actor.name)}")
        show_home(app, job.member)
    return job


def _tell_end(app: AppContext, job: Job) -> None:
    """Tell the member that their profile is ready, or the approver why it is not."""
    words = app.render_for(job.member).words
    if job.state is JobState.DONE:
        text = words.workspaces.ready
        opens = actions(button(words.open_studio, HOME_OPEN, "", style="primary"))
        _post(app, job.member.user_id, Message(text, [section(text), opens]))
        return
    if job.state is JobState.FAILED:
        _post(app, job.member.user_id, text_message(words.workspaces.not_ready))
    render = _render_for_actor(app, job)
    if render is not None:
        _post(app, job.actor.name, not_made(job, render))


def not_made(job: Job, render: RenderContext) -> Message:
    """Render why a profile was not made, for the administrator."""
    words, mapping = render.words.workspaces, job.workspaces[0].mapping
    line = words.make_failed if job.state is JobState.FAILED else words.make_cancelled
    user, why = mention(job.member.user_id), for_slack(job.why, render)
    return text_message(line.format(profile=mapping.profile_name, domain=mapping.domain_id, user=user, why=why))


def _show_offboarding(app: AppContext, job: Job) -> Job:
    """Keep one message up to date while it goes on, and send the end as another, which notifies."""
    render = _render_for_actor(app, job)
    if render is None:
        return job
    message = report(job, render)
    if job.posting:
        app.slack.update(job.posting, message)
    if job.is_open and job.posting:
        return job
    return replace(job, posting=_post(app, job.actor.name, message) or job.posting)


def report(job: Job, render: RenderContext) -> Message:
    """Render what is gone and what is not."""
    words, user = render.words.workspaces, mention(job.member.user_id)
    line = words.offboarding if job.is_open else words.not_offboarded
    text = (words.offboarded if job.state is JobState.DONE else line).format(user=user)
    texts = item_lines(job.items, words)
    if job.why:
        texts.append(for_slack(job.why, render))
    if not job.is_open:
        texts.append(words.remains)
    return Message(text, [section(text), *(section("\n".join(part)) for part in parts(texts) if part)])


def _render_for_actor(app: AppContext, job: Job) -> RenderContext | None:
    """Return how to render for the administrator; None for a shell, which shows it itself."""
    name = job.actor.name
    return app.render_for(Member(job.member.tenant, name)) if USER_ID.fullmatch(name) else None


def _post(app: AppContext, user: str, message: Message) -> str | None:
    """Return the message by channel and time; None if Slack refuses it, which another try does not change."""
    try:
        return app.slack.post(user, message)
    except SlackError as error:
        if error.reason is Reason.SLACK_UNREACHABLE:
            raise
        log.warning("message_not_posted", place=user, code=error.code)
        return None
