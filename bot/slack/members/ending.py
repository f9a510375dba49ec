"""The message to a member about the end of their access."""

from bot.core.access import Member, Person
from bot.core.reminders import EndNotice
from bot.slack.app_context import AppContext
from bot.slack.blocks import Block, Message, RenderContext, actions, button, section, slack_date
from bot.slack.members.views import ASK, way_to_ask


def tell_end(app: AppContext, member: Member, person: Person, notice: EndNotice) -> None:
    """Send a member the message; SlackError if Slack does not take it."""
    render = app.with_request(app.render(locale=person.locale), member)
    app.slack.post(member.user_id, end_notice(notice, render))
    app.metrics.outcome("end_notice")


def end_notice(notice: EndNotice, render: RenderContext) -> Message:
    """Render the end of access, with a button to extend it, or the open request to do so. Pure."""
    words, until = render.words, slack_date(notice.until) if notice.until else ""
    text = (words.end_over if notice.over else words.end_soon).format(until=until)
    ways: list[Block] = [actions(button(words.extend, ASK, "", style="primary"))] if render.may_ask else []
    if render.requested is not None:
        ways = way_to_ask(render)
    return Message(text, [section(text), *ways])
