"""Render `whoami`, the home tab and the help. Pure."""

import re

from bot.core.access import Mapping
from bot.core.link import Denied, Reason, Target
from bot.core.records import Entry
from bot.core.values import is_group
from bot.links.status import MemberStatus
from bot.slack.blocks import (
    Block,
    Message,
    RenderContext,
    actions,
    button,
    escape,
    header,
    parts,
    section,
    slack_date,
    slack_time,
)
from bot.slack.members.views import ASKABLE, HOME_OPEN, help_text, way_to_ask, what_opens, why_refused
from bot.slack.words import Words

RETURN = "return_access"
# Slack shows a hundred blocks in a home tab; the rest of it takes fewer than ten.
MAX_HOME_BLOCKS = 90


def help_for(
    status: MemberStatus, render: RenderContext, *, not_understood: str | None, administers: bool = False
) -> Message:
    """Render the help with the commands that this member can use."""
    aliases = sorted(mapping.alias for mapping in status.facts.access.mappings)
    return help_text(
        render, not_understood=not_understood, aliases=aliases, rejection=rejection(status), administers=administers
    )


def guide(status: MemberStatus, render: RenderContext, *, administers: bool) -> Message:
    """Render the answer to a message that is no command: the help, with a button for what the member can do."""
    words, shown = render.words, help_for(status, render, not_understood=None, administers=administers)
    buttons = _way_in(status, render)
    if rejection(status) is None:
        buttons = [actions(button(words.open_studio, HOME_OPEN, "", style="primary"))]
    return Message(f"{words.written}\n{shown.text}", [section(words.written), *shown.blocks, *buttons])


def rejection(status: MemberStatus) -> Denied | None:
    """Return why the member can open nothing; None if they can."""
    return status.decision if isinstance(status.decision, Denied) else None


def who_am_i(status: MemberStatus, render: RenderContext) -> Message:
    words = render.words
    mappings = [_mapped(mapping, words) for mapping in _mappings(status)] or [words.who_nothing]
    who = _who(status, render)
    blocks = [
        section(who),
        *(section("\n".join(part)) for part in parts(mappings)),
        *_way_in(status, render),
        _links(status, render),
        *_way_back(status, render),
    ]
    return Message(who, blocks)


def home_tab(status: MemberStatus, render: RenderContext) -> Message:
    """Render the home tab: what the member can open until when, their request, and their last links."""
    words, who = render.words, _who(status, render)
    rows = [section(_mapped(mapping, words)) for mapping in _mappings(status)[:MAX_HOME_BLOCKS]]
    if rejection(status) is None:
        for row, mapping in zip(rows, _mappings(status), strict=False):
            row["accessory"] = button(words.open_studio, HOME_OPEN, str(Target(mapping.alias)))
    rows = rows or [section(words.who_nothing)]
    asked = [header(words.home_request), *_way_in(status, render)] if _way_in(status, render) else []
    shown = [
        header(words.home_open),
        section(who),
        *rows,
        *asked,
        {"type": "divider"},
        _links(status, render),
        *_way_back(status, render),
    ]
    return Message(who, shown)


def _who(status: MemberStatus, render: RenderContext) -> str:
    return f"{render.words.who.format(user=status.member.user_id)}\n{_allowance(status, render)}"


def _mappings(status: MemberStatus) -> list[Mapping]:
    return sorted(status.facts.access.mappings, key=lambda mapping: mapping.alias)


def _mapped(mapping: Mapping, words: Words) -> str:
    return what_opens(mapping.alias, mapping, words)


def _way_in(status: MemberStatus, render: RenderContext) -> list[Block]:
    """Return how members who can open nothing may get help from an administrator; nothing for others."""
    denied = rejection(status)
    return way_to_ask(render) if denied is not None and denied.reason in ASKABLE else []


def _way_back(status: MemberStatus, render: RenderContext) -> list[Block]:
    """Return a button to give one's own access back; nothing for members who could not ask for it again."""
    own = status.own_allow
    if not render.may_ask or rejection(status) is not None or own is None or own != status.allow:
        return []
    return [actions(button(render.words.return_access, RETURN, ""))]


def _links(status: MemberStatus, render: RenderContext) -> Block:
    words = render.words
    if status.links is None:
        return section(words.who_links_unknown)
    lines = [words.who_links, *(_past_link(entry, render) for entry in status.links)]
    return section("\n".join(lines) if status.links else words.who_no_links)


def _allowance(status: MemberStatus, render: RenderContext) -> str:
    words, denied, allow = render.words, rejection(status), status.allow
    own_words = {
        Reason.NOT_A_MEMBER: words.who_ineligible,
        Reason.GUEST: words.who_guest,
        Reason.DENIED: words.who_denied,
    }
    if denied is not None and denied.reason in own_words:
        return own_words[denied.reason]
    if denied is not None and denied.reason in (
        Reason.LOCKDOWN,
        Reason.STORE_UNREADABLE,
        Reason.GROUP_UNCONFIRMED,
    ):
        return why_refused(denied, render)
    unmapped = denied is not None and denied.reason is Reason.NOT_MAPPED
    if allow is None and denied is not None and unmapped and status.facts.access.group_grants:
        # A group may allow them, which was not looked up: they have nothing to open.
        return why_refused(denied, render)
    if allow is None:
        return words.who_not_allowed
    if allow.until is None:
        line = words.who_allowed
    else:
        form = words.who_allowed_until if status.allowed_now else words.who_ended
        line = form.format(until=slack_date(allow.until))
    if is_group(allow.principal):
        # https://docs.slack.dev/messaging/formatting-message-text#mentioning-groups
        line = f"{line} {words.who_group.format(group=f'<!subteam^{allow.principal}>')}"
    elif status.allowed_now:
        line = f"{line} {words.who_own}"
    return f"{line} {words.who_because.format(reason=escape(allow.reason))}" if allow.reason else line


def _past_link(entry: Entry, render: RenderContext) -> str:
    words, why = render.words, ""
    if entry.outcome == Reason.UNKNOWN_ALIAS:
        why = words.no_such_alias.format(text=escape(entry.alias or "")).rstrip(".")
    elif entry.outcome in set(Reason):  # the first part of what the member read
        why = re.split("[.:] ", why_refused(Denied(Reason(entry.outcome)), render))[0].rstrip(".")
    line = {
        "issued": words.link_opened if entry.opened_at else words.link_issued,
        "undelivered": words.link_undelivered,
        "choose": words.link_asked,
        "requested": words.link_requested,
    }.get(entry.outcome, words.link_refused if why else words.link_refused_only)
    opened_at = slack_time(entry.opened_at) if entry.opened_at else ""
    return line.format(at=slack_date(entry.at), alias=entry.alias or "-", opened=opened_at, why=why)
