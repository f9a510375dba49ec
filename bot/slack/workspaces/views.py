"""Render what runs in Studio and what it costs. Pure.

Buttons name an app below a mapping's alias; whose it is, is looked up again when one is pressed.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from bot.core import audit
from bot.core.access import Mapping
from bot.core.apps import App, AppName, AppStatus, Space
from bot.core.link import APPS_BY_LANDING_URI, Denied, Reason, Target
from bot.core.reminders import Usage
from bot.core.values import ALIAS, USER_ID, InvalidValue
from bot.slack.blocks import (
    Block,
    Message,
    RenderContext,
    actions,
    button,
    context,
    escape,
    parts,
    plain,
    section,
    slack_date,
    text_message,
)
from bot.slack.members.views import HOME_OPEN, NEW_LINK, why_refused
from bot.workspaces.app_changes import Done, Running
from bot.workspaces.everything import Everything
from bot.workspaces.prices import PriceList
from bot.workspaces.reminders import Plan
from bot.workspaces.running import Overview, alive

STOP_APP, START_SPACE, STOP_FOR = "stop_app", "start_space", "stop_app_for"
KEEP_TONIGHT, KEEP_WEEK = "keep_tonight", "keep_week"
# Slack shows fifty blocks in a message.
MAX_SHOWN, MAX_IDLE = 15, 8
MAX_WHY, MAX_USER = 300, 31
# Slack shows a hundred blocks in a home tab.
MAX_BLOCKS = 100
# The value of a button: an alias, a type of app, its name, and a space.
REF = re.compile(rf"({ALIAS.pattern}) (\S+) (\S+)(?: (\S+))?")
LANDINGS = {uri.split(":")[1]: app for uri, app in APPS_BY_LANDING_URI.items() if uri.startswith("app:")}
# Failures of which another try does not help.
PERMANENT = frozenset({Reason.AWS_REFUSED, Reason.STORE_REFUSED, Reason.SLACK_REFUSED, Reason.STORE_UNREADABLE})
# Failures whose words say nothing of a link.
SAME_WORDS = frozenset(reason for reason in Reason if reason.startswith(("app_", "space_")))
SAME_WORDS |= {Reason.AWS_THROTTLED, Reason.STORE_THROTTLED, Reason.DOMAIN_MISSING}


def overview(found: Overview, prices: PriceList, render: RenderContext, now: datetime) -> Message:
    """Render what a member has, with buttons to stop it, open it and start it."""
    words = render.words.running
    return Message(
        words.title.strip("*"), [section(words.title), *blocks(found, prices, render, now, opens=NEW_LINK)]
    )


def below(home: Message, found: Overview, prices: PriceList, render: RenderContext, now: datetime) -> Message:
    """Put what a member has below their home tab."""
    rest = blocks(found, prices, render, now, opens=HOME_OPEN)
    added: list[Block] = [{"type": "divider"}, section(render.words.running.title), *rest]
    return Message(home.text, [*home.blocks[: MAX_BLOCKS - len(added)], *added])


def held(found: Everything, user: str, prices: PriceList, render: RenderContext, now: datetime) -> Message:
    """Render what runs of a member, or of everyone if `user` is empty, for an administrator, who can stop it."""
    words, shown = render.words.running, found.apps[:MAX_SHOWN]
    title = words.title_of.format(user=f"<@{user}>") if user else words.title_of_all
    rendered = [section(title)]
    for each in shown:
        who = f"<@{each.user}>" if each.user else words.nobody
        line = app_line(each.running, render, now)
        rendered.append(section(line if user else f"{who} · {line}"))
        if each.user and each.running.app.status is not AppStatus.DELETING:
            mapping, name = each.running.mapping, each.running.app.name
            rendered.append(actions(_stop(STOP_FOR, f"{each.user} {ref(mapping, name)}", render)))
    if not found.apps:
        rendered.append(section(words.nothing))
    elif len(found.apps) > len(shown):
        rendered.append(context(words.more.format(number=len(found.apps) - len(shown))))
    rendered += [section(_unread(domain, error.reason, render)) for domain, error in found.unknown[:MAX_IDLE]]
    rendered += _footer(alive([each.running for each in found.apps]), prices, render)
    return Message(title.strip("*"), rendered)


def blocks(found: Overview, prices: PriceList, render: RenderContext, now: datetime, *, opens: str) -> list[Block]:
    """Render apps and idle spaces.

    Args:
        opens: the action of a button that opens an app.
    """
    words, shown = render.words.running, found.running[:MAX_SHOWN]
    rendered: list[Block] = []
    for running in shown:
        rendered.append(section(app_line(running, render, now)))
        buttons = _buttons(running, render, opens if found.may_start else "")
        rendered += [actions(*buttons)] if buttons else []
    if not found.running:
        rendered.append(section(words.nothing))
    elif len(found.running) > len(shown):
        rendered.append(context(words.more.format(number=len(found.running) - len(shown))))
    rendered += _idle(found.idle, render) if found.may_start else []
    rendered += [section(_unread(mapping.domain_id, reason, render)) for mapping, reason in found.unknown[:MAX_IDLE]]
    return [*rendered, *_footer(alive(found.running), prices, render)]


def _unread(domain: str, reason: Reason, render: RenderContext) -> str:
    """Return why what runs in a domain cannot be shown."""
    words = render.words.running
    return words.refused if reason in PERMANENT else words.unread.format(domain=domain)


def app_line(running: Running, render: RenderContext, now: datetime) -> str:
    """Return one app in a line: what, where, since when, and what it costs."""
    words, app = render.words.running, running.app
    where = words.in_profile.format(profile=running.mapping.profile_name)
    if app.name.space:
        where = (words.in_shared_space if app.shared else words.in_space).format(space=app.name.space)
    phrases = [
        f"{words.app.format(app=escape(app.name.app_type))} {where}",
        escape(app.instance_type or words.no_instance),
        words.statuses[app.status],
    ]
    if app.status is not AppStatus.FAILED:
        phrases += [words.since.format(since=slack_date(app.since))] if app.since else []
        phrases += _money(running, render, now)
    return " · ".join(phrases)


def _money(running: Running, render: RenderContext, now: datetime) -> list[str]:
    words, cost = render.words.running, running.cost(now)
    if running.hourly is None:
        return [words.no_price]
    price = words.price.format(hourly=money(running.hourly))
    return [price] if cost is None else [price, words.so_far.format(cost=money(cost))]


def money(dollars: float) -> str:
    """Return dollars to the cent, and what costs less than ten cents more exactly."""
    exact = 0.001 <= dollars < 0.1 and round(dollars, 2) != dollars  # noqa: PLR2004 - a tenth of a cent, ten cents
    return f"{dollars:,.3f}".rstrip("0") if exact else f"{dollars:,.2f}"


def _buttons(running: Running, render: RenderContext, opens: str) -> list[Block]:
    app, mapping = running.app, running.mapping
    found = [] if app.status is AppStatus.DELETING else [_stop(STOP_APP, ref(mapping, app.name), render)]
    if opens and app.status is AppStatus.IN_SERVICE:
        target = Target(mapping.alias, LANDINGS.get(app.name.app_type), app.name.space)
        found.append(button(render.words.open_studio, opens, str(target)))
    return found


def _stop(action: str, value: str, render: RenderContext) -> Block:
    """Return a button that stops an app, after Slack has asked back."""
    words = render.words
    return {
        **button(words.running.stop, action, value, style="danger"),
        "confirm": {
            "title": plain(words.running.stop),
            "text": plain(words.running.stop_sure),
            "confirm": plain(words.running.stop),
            "deny": plain(words.cancel),
            "style": "danger",
        },
    }


def _idle(spaces: Sequence[tuple[Mapping, Space]], render: RenderContext) -> list[Block]:
    words = render.words.running
    return [
        {
            **section(words.stopped_space.format(space=space.name)),
            "accessory": button(words.start, START_SPACE, f"{mapping.alias} {space.name}"),
        }
        for mapping, space in spaces[:MAX_IDLE]
    ]


def _footer(found: Sequence[Running], prices: PriceList, render: RenderContext) -> list[Block]:
    words, known = render.words.running, [each.hourly for each in found if each.hourly is not None]
    form = words.total if known else words.undated
    return [context(form.format(hourly=money(sum(known)), day=prices.as_of.isoformat()))] if found else []


def reminder(planned: Plan, prices: PriceList, render: RenderContext, now: datetime) -> Message:
    """Render the word before the bill: what runs, since when, what it has cost, and when it will be stopped."""
    words = render.words.running
    rendered = [section(words.word_title)]
    for running, stop_at in planned.name[:MAX_SHOWN]:
        lines = [app_line(running, render, now)]
        lines += [words.word_stops.format(at=slack_date(stop_at))] if stop_at else []
        value = ref(running.mapping, running.app.name)
        keeps = (button(words.keep_tonight, KEEP_TONIGHT, value), button(words.keep_week, KEEP_WEEK, value))
        rendered += [section("\n".join(lines)), actions(_stop(STOP_APP, value, render), *keeps)]
    if len(planned.name) > MAX_SHOWN:
        rendered.append(context(words.more.format(number=len(planned.name) - MAX_SHOWN)))
    named = [running for running, _ in planned.name]
    return Message(
        words.word_title.strip("*"), [*rendered, *_footer(named, prices, render), context(words.word_note)]
    )


def summary(usage: Usage, prices: PriceList, render: RenderContext) -> Message:
    """Render what has run by domain, the most expensive first, for the audit channel."""
    words, lines = render.words.running, []
    for domain, used in sorted(usage.domains.items(), key=lambda each: -each[1].dollars):
        line = words.summary_line.format(domain=domain, hours=f"{used.hours:,.0f}", cost=money(used.dollars))
        unpriced = words.summary_unpriced.format(hours=f"{used.unpriced:,.0f}")
        lines.append(f"{line} ({unpriced})" if used.unpriced else line)
    title = words.summary_title.format(since=slack_date(usage.since) if usage.since else "")
    note = context(words.listed.format(day=prices.as_of.isoformat()))
    return Message(title.strip("*"), [section(title), *(section("\n".join(part)) for part in parts(lines)), note])


def kept(done: Done, until: datetime, render: RenderContext) -> Message:
    """Render that a member keeps an app, or why they don't."""
    if done.outcome != audit.DONE or done.name is None:
        return refused(done.refusal, render) if done.refusal else failed(Reason(done.outcome), render)
    words = render.words.running
    return text_message(words.kept.format(app=escape(done.name.app_type), until=slack_date(until)))


def ref(mapping: Mapping, name: AppName) -> str:
    """Return the value of a button that names an app."""
    return " ".join(filter(None, (mapping.alias, name.app_type, name.name, name.space)))


def parse_ref(value: str) -> tuple[str, AppName] | None:
    """Return the alias and the app that a button names; None if it names none."""
    found = REF.fullmatch(value)
    try:
        return (found[1], AppName(found[2], found[3], found[4])) if found else None
    except InvalidValue:
        return None


def parse_held(value: str) -> tuple[str, str, AppName] | None:
    """Return the member, the alias and the app that an administrator's button names; None if it names none."""
    user, _, rest = value.partition(" ")
    named = parse_ref(rest) if len(user) <= MAX_USER and USER_ID.fullmatch(user) else None
    return (user, *named) if named else None


def done(what: Done, render: RenderContext) -> Message:
    """Render the result of stopping or starting something."""
    words = render.words.running
    if what.refusal is not None:
        return refused(what.refusal, render)
    if what.outcome != audit.DONE or what.name is None:
        return failed(Reason(what.outcome), render)
    form = words.starting if what.action == audit.START else words.stopping
    return text_message(form.format(app=escape(what.name.app_type), space=what.name.space))


def ready(done: Done, app: App | None, render: RenderContext) -> Message:
    """Render that an app has started, with a button to open it, or that it did not."""
    words, mapping, name = render.words.running, done.mapping, done.name
    named = {"app": escape(name.app_type) if name else "", "space": name.space if name else ""}
    if app is None or mapping is None or app.status is not AppStatus.IN_SERVICE:
        why = escape(app.failure, MAX_WHY).rstrip(".") if app else ""
        return text_message(
            words.not_started_why.format(**named, why=why) if why else words.not_started.format(**named)
        )
    text = words.ready.format(**named)
    target = Target(mapping.alias, LANDINGS.get(app.name.app_type), app.name.space)
    return Message(
        text, [section(text), actions(button(render.words.open_studio, HOME_OPEN, str(target), style="primary"))]
    )


def above(message: Message, rest: Message | None) -> Message:
    """Put a message above what is left, if that is known."""
    return Message(message.text, [*message.blocks, *(rest.blocks if rest else [])])


def refused(denied: Denied, render: RenderContext) -> Message:
    """Render the policy's refusal."""
    return text_message(why_refused(denied, render))


def failed(reason: Reason, render: RenderContext) -> Message:
    """Render why nothing was changed."""
    words = render.words.running
    if reason in PERMANENT:
        text = words.refused
    elif reason in SAME_WORDS:
        text = why_refused(Denied(reason), render)
    else:
        text = words.failed
    return text_message(text)
