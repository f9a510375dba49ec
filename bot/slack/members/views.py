"""From values to the messages members see, as Block Kit. Pure.

The link sits in one button's `url` and nowhere else: Slack's servers fetch addresses they find in text.
https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any

from bot.core.access import Mapping
from bot.core.link import APPS_BY_LANDING_URI, Answer, Choice, Denied, Issued, Option, Reason, StudioApp, Target
from bot.core.records import Entry
from bot.links.status import MemberStatus
from bot.slack.words import Words

Block = dict[str, Any]

OPEN_STUDIO = "open_studio"
NEW_LINK = "new_link"
# Action ids must differ within a message: the chooser's buttons are numbered, its select is not.
CHOOSE = "choose"
HOME_OPEN = "home_open"
SHORTCUT = "open_studio"
ASK = "ask_access"
PRODUCT = "Studio links"

MAX_BUTTONS = 5
# https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element
MAX_OPTIONS = 100
MAX_LABEL_LENGTH = 75
# Slack shows a hundred blocks in a home tab; the rest of it takes fewer than ten.
MAX_HOME_BLOCKS = 90
# How much of what a member typed is repeated to them.
MAX_ECHO_LENGTH = 200
# How many of a member's aliases are listed, so that the longest still fit into one section.
MAX_ALIASES = 40
# https://docs.slack.dev/reference/block-kit/blocks/section-block
MAX_SECTION_LENGTH = 3000

# A grant that ends within this time is mentioned with the link.
ENDS_SOON = timedelta(days=1)

# Refusals that an administrator can do something about.
ASKABLE = frozenset({Reason.NOT_MAPPED, Reason.NOT_ALLOWED, Reason.GRANT_EXPIRED})

# Refusals that may well pass when tried again, and so come with a button to do it.
PASSING = frozenset(
    {
        Reason.TOO_MANY,
        Reason.DOMAIN_NOT_READY,
        Reason.PROFILE_NOT_READY,
        Reason.AWS_THROTTLED,
        Reason.AWS_UNREACHABLE,
        Reason.AWS_UNEXPECTED,
        Reason.STORE_UNREACHABLE,
        Reason.STORE_THROTTLED,
        Reason.NOT_RECORDED,
        Reason.SLACK_UNREACHABLE,
        Reason.GROUP_UNCONFIRMED,
        Reason.BUSY,
        Reason.TOO_LATE,
        Reason.NOT_READY,
        Reason.INTERNAL,
    }
)


@dataclass(frozen=True, slots=True)
class Message:
    """An ephemeral message. Its blocks may hold a link, so they hide in `repr`."""

    text: str
    blocks: list[Block] = field(repr=False)

    def payload(self) -> dict[str, Any]:
        """The message as Slack takes it; nothing in it may be unfurled."""
        return {"text": self.text, "blocks": self.blocks, "unfurl_links": False, "unfurl_media": False}

    def modal(self) -> dict[str, Any]:
        """The same in a dialog. https://docs.slack.dev/reference/views/modal-views"""
        return {"type": "modal", "title": plain(PRODUCT), "blocks": self.blocks}

    def home(self) -> dict[str, Any]:
        """The same as a home tab. https://docs.slack.dev/reference/views/home-tab-views"""
        return {"type": "home", "blocks": self.blocks}


@dataclass(frozen=True, slots=True)
class RenderContext:
    """Whom a message is for: their words, the command as their workspace calls it, and whether they can ask."""

    words: Words
    command: str = "/studio"
    may_ask: bool = False
    link_seconds: int = 60


def answer(given: Answer, render: RenderContext) -> Message:
    """What a member sees who asked for a link."""
    match given:
        case Issued():
            return _link(given, render)
        case Choice():
            return _choice(given, render)
        case Denied():
            return _refusal(given, render)


def _link(issued: Issued, render: RenderContext) -> Message:
    words, mapping, link = render.words, issued.allowed.mapping, issued.link
    space = words.space.format(space=mapping.space_name) if mapping.space_name else ""
    ready = words.ready.format(profile=mapping.profile_name, domain=mapping.domain_id, space=space)
    note = words.ready_note.format(until=slack_time(link.expires_at), session=duration(link.session_seconds, words))
    again = Target(mapping.alias, issued.request.target.app, issued.request.target.space)
    buttons = [
        button(words.open_studio, OPEN_STUDIO, issued.request.id, url=link.url, style="primary"),
        button(words.new_link, NEW_LINK, str(again)),
    ]
    notes = [context(note)]
    until = issued.allowed.grant.until
    if until is not None and until - issued.request.at < ENDS_SOON:
        notes.append(context(words.ends_soon.format(until=slack_date(until))))
        buttons += [button(words.ask_longer, ASK, mapping.alias)] if render.may_ask else []
    text = words.ready_text.format(lifetime=duration(link.lifetime_seconds, words))
    return Message(text, [section(ready), *notes, actions(*buttons)])


def _choice(choice: Choice, render: RenderContext) -> Message:
    """Buttons for up to five, a select beyond; what was chosen last time comes first, and stands out."""
    words, options = render.words, choice.options[:MAX_OPTIONS]
    alone = len({option.target.alias for option in options}) == 1
    note = words.choose_note.format(command=escape(render.command), target=options[0].target)
    if len(options) <= MAX_BUTTONS:
        elements = [
            button(
                _option_label(option, words, words.open_named, alone=alone),
                f"{CHOOSE}_{number}",
                str(option.target),
            )
            for number, option in enumerate(options)
        ]
        if choice.remembered:
            elements[0]["style"] = "primary"
    else:
        entries = [
            {"text": plain(_option_label(option, words, words.option, alone=alone)), "value": str(option.target)}
            for option in options
        ]
        select: Block = {
            "type": "static_select",
            "action_id": CHOOSE,
            "placeholder": plain(words.choose),
            "options": entries,
        }
        elements = [{**select, "initial_option": entries[0]} if choice.remembered else select]
    return Message(words.choose_text, [section(words.choose_text), actions(*elements), context(note)])


def _option_label(option: Option, words: Words, without_space: str, *, alone: bool) -> str:
    """What tells an option from the others: where all are of one profile (`alone`), a space has all the room."""
    target = option.target
    if target.space:
        form = words.option_only_space if alone else words.option_space
        return form.format(alias=target.alias, space=target.space)
    return without_space.format(alias=target.alias, profile=option.profile_name)


def opened(entry: Entry, render: RenderContext) -> Message:
    """What replaces a link message once its button was pressed: the used link leaves the screen."""
    words, at = render.words, entry.opened_at or entry.at
    if entry.expires_at is not None and at >= entry.expires_at:
        return stale(entry, render)
    # The outcome is recorded after the message went out, so a quick press may find no profile there yet.
    form = words.opened if entry.profile_name else words.opened_only
    line = form.format(at=slack_time(at), profile=entry.profile_name, domain=entry.domain_id)
    return Message(words.opened_text, [section(line), _again(entry, words)])


def stale(entry: Entry, render: RenderContext) -> Message:
    """What replaces a link message whose time is over."""
    words = render.words
    line = words.stale.format(until=slack_time(entry.expires_at or entry.at))
    return Message(words.stale_text, [section(line), _again(entry, words)])


def _again(entry: Entry, words: Words) -> Block:
    """A button for the same once more: what was asked for is in the entry as it was opened."""
    target = Target(entry.alias, APPS_BY_LANDING_URI.get(entry.landing_uri or ""), entry.space_name)
    return actions(button(words.new_link, NEW_LINK, str(target)))


def refusal(reason: Reason, render: RenderContext) -> Message:
    """A refusal that needs nothing but its reason."""
    return _refusal(Denied(reason), render)


def _refusal(denied: Denied, render: RenderContext) -> Message:
    words = render.words
    if denied.reason is Reason.UNKNOWN_ALIAS:
        return _unknown_alias(denied, render)
    text = _why(denied, render)
    blocks = [section(text)]
    if denied.reason in PASSING:
        alias = denied.mapping.alias if denied.mapping else denied.target.alias
        again = Target(alias, denied.target.app, denied.target.space)
        blocks.append(actions(button(words.try_again, NEW_LINK, str(again))))
    if denied.reason in ASKABLE and render.may_ask:
        blocks.append(actions(button(words.ask, ASK, "", style="primary")))
    return Message(text, blocks)


def _why(denied: Denied, render: RenderContext) -> str:
    words, address = render.words, denied.sign_in_address
    return words.refusals[denied.reason].format(
        command=escape(render.command),
        address=words.sso_address.format(address=escape(address)) if address else words.sso_no_address,
        notice=escape(" ".join((denied.notice or "").split())),
    )


def _unknown_alias(denied: Denied, render: RenderContext) -> Message:
    """The nearest of the member's own aliases, and nobody else's."""
    words, asked = render.words, denied.target.alias or ""
    lines = [words.no_such_alias.format(text=escape(asked, MAX_ECHO_LENGTH))]
    near = _nearest(asked, denied.aliases)
    if near:
        lines.append(words.nearest.format(aliases=_code(near)))
    shown = help_text(render, aliases=denied.aliases)
    return Message("\n".join([*lines, shown.text]), [section(" ".join(lines)), *shown.blocks])


def _nearest(asked: str, aliases: Sequence[str]) -> list[str]:
    """Up to three: those that begin so, and those that are spelled much the same."""
    begin = sorted((alias for alias in aliases if asked and alias.startswith(asked)), key=len)
    return list(dict.fromkeys([*begin, *get_close_matches(asked, aliases, cutoff=0.5)]))[:3]


def help_text(
    render: RenderContext,
    *,
    not_understood: str | None = None,
    aliases: Sequence[str] = (),
    rejection: Denied | None = None,
    administers: bool = False,
) -> Message:
    """What the command understands, as far as the member can use it; first, what it did not.

    Args:
        rejection: what the member is told who can open nothing; None if they can.
    """
    words, command = render.words, escape(render.command)
    if rejection is not None:
        lines = [_why(rejection, render)]
    else:
        lines = [words.help_open.format(command=command, lifetime=duration(render.link_seconds, words))]
        if aliases:
            lines.append(words.help_alias.format(command=command, aliases=_code(aliases)))
            lines.append(words.help_app.format(command=command, apps="|".join(StudioApp)))
    if render.may_ask and (rejection is None or rejection.reason in ASKABLE):
        lines.append(words.help_request.format(command=command))
    lines += [words.help_whoami.format(command=command), words.help_help.format(command=command)]
    if administers:
        lines.append(words.admin.help_admin.format(command=command))
    blocks = [section("\n".join(lines))]
    if not_understood is not None:
        lines.insert(0, words.not_understood.format(command=command, text=escape(not_understood, MAX_ECHO_LENGTH)))
        blocks.insert(0, section(lines[0]))
    return Message("\n".join(lines), blocks)


def help_for(
    standing: MemberStatus, render: RenderContext, *, not_understood: str | None, administers: bool = False
) -> Message:
    """The help with what this member can use."""
    aliases = sorted(mapping.alias for mapping in standing.facts.access.mappings)
    return help_text(
        render, not_understood=not_understood, aliases=aliases, rejection=rejection(standing), administers=administers
    )


def rejection(standing: MemberStatus) -> Denied | None:
    """Why the member can open nothing; None if they can."""
    return standing.decision if isinstance(standing.decision, Denied) else None


def who_am_i(standing: MemberStatus, render: RenderContext) -> Message:
    """What `whoami` says."""
    words = render.words
    mappings = [_mapped(mapping, words) for mapping in _mappings(standing)] or [words.who_nothing]
    who = _who(standing, render)
    blocks = [
        section(who),
        *(section("\n".join(part)) for part in parts(mappings)),
        *_way_in(standing, render),
        _links(standing, words),
    ]
    return Message(who, blocks)


def home(standing: MemberStatus, render: RenderContext) -> Message:
    """The home tab: what `whoami` says, with a button for each mapping that the member may open."""
    words, who = render.words, _who(standing, render)
    rows = [section(_mapped(mapping, words)) for mapping in _mappings(standing)[:MAX_HOME_BLOCKS]]
    if rejection(standing) is None:
        for row, mapping in zip(rows, _mappings(standing), strict=False):
            row["accessory"] = button(words.open_studio, HOME_OPEN, str(Target(mapping.alias)))
    rows = rows or [section(words.who_nothing)]
    blocks = [section(who), *rows, *_way_in(standing, render), {"type": "divider"}, _links(standing, words)]
    return Message(who, blocks)


def _who(standing: MemberStatus, render: RenderContext) -> str:
    return f"{render.words.who.format(user=standing.member.user_id)}\n{_allowance(standing, render)}"


def _mappings(standing: MemberStatus) -> list[Mapping]:
    return sorted(standing.facts.access.mappings, key=lambda mapping: mapping.alias)


def _mapped(mapping: Mapping, words: Words) -> str:
    return words.who_mapping.format(alias=mapping.alias, profile=mapping.profile_name, domain=mapping.domain_id)


def _way_in(standing: MemberStatus, render: RenderContext) -> list[Block]:
    """A button for those who can open nothing and whom an administrator could help."""
    denied = rejection(standing)
    helped = render.may_ask and denied is not None and denied.reason in ASKABLE
    return [actions(button(render.words.ask, ASK, "", style="primary"))] if helped else []


def _links(standing: MemberStatus, words: Words) -> Block:
    if standing.links is None:
        return section(words.who_links_unknown)
    lines = [words.who_links, *(_past_link(entry, words) for entry in standing.links)]
    return section("\n".join(lines) if standing.links else words.who_no_links)


def waiting(render: RenderContext) -> Message:
    """What a dialog shows until the link is there."""
    return Message(render.words.waiting, [section(render.words.waiting)])


def one_moment(render: RenderContext) -> Message:
    """What a dialog shows until we know what to show."""
    return Message(render.words.one_moment, [section(render.words.one_moment)])


def _allowance(standing: MemberStatus, render: RenderContext) -> str:
    words, denied, allow = render.words, rejection(standing), standing.allow
    own_words = {
        Reason.NOT_A_MEMBER: words.who_unfit,
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
        return _why(denied, render)
    if (
        allow is None
        and denied is not None
        and denied.reason is Reason.NOT_MAPPED
        and standing.facts.access.group_grants
    ):
        return _why(denied, render)  # a group may allow them, which was not looked up: they have nothing to open
    if allow is None:
        return words.who_not_allowed
    if allow.until is None:
        line = words.who_allowed
    else:
        form = words.who_allowed_until if standing.allowed_now else words.who_ended
        line = form.format(until=slack_date(allow.until))
    if allow.of_group:
        # https://docs.slack.dev/messaging/formatting-message-text#mentioning-groups
        line = f"{line} {words.who_group.format(group=f'<!subteam^{allow.principal}>')}"
    elif standing.allowed_now:
        line = f"{line} {words.who_own}"
    return f"{line} {words.who_because.format(reason=escape(allow.reason))}" if allow.reason else line


def _past_link(entry: Entry, words: Words) -> str:
    line = {
        "issued": words.link_opened if entry.opened_at else words.link_issued,
        "undelivered": words.link_undelivered,
        "choose": words.link_asked,
        "requested": words.link_requested,
    }.get(entry.outcome, words.link_refused)
    opened_at = slack_time(entry.opened_at) if entry.opened_at else ""
    return line.format(at=slack_date(entry.at), alias=entry.alias or "-", opened=opened_at)


def parts(lines: Sequence[str]) -> list[list[str]]:
    """The lines in runs that each fit into one section."""
    parts: list[list[str]] = [[]]
    for line in lines:
        if len("\n".join([*parts[-1], line])) > MAX_SECTION_LENGTH:
            parts.append([])
        parts[-1].append(line)
    return parts


def announcement(entry: Entry) -> str:
    """One line on an outcome for the audit channel. Members are named by id, which notifies nobody here."""
    what = f" · profile {entry.profile_name} in {entry.domain_id}" if entry.profile_name else ""
    return f"{escape(entry.subject)} · {entry.action} · {entry.outcome}{what}"


def slack_time(time: datetime) -> str:
    """A time of day that each reader sees in their own zone; the fallback is UTC.

    https://docs.slack.dev/messaging/formatting-message-text#date-formatting
    """
    return f"<!date^{int(time.timestamp())}^{{time_secs}}|{time.astimezone(UTC):%H:%M:%S} UTC>"


def slack_date(time: datetime) -> str:
    """A day and time that each reader sees in their own zone and words ("today")."""
    return f"<!date^{int(time.timestamp())}^{{date_short_pretty}} {{time}}|{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC>"


def duration(seconds: int, words: Words) -> str:
    """Seconds in words: "60 seconds", "12 hours", "1 hour 30 minutes"."""
    if seconds <= 120:  # noqa: PLR2004 - two minutes and less read better in seconds
        return count(seconds, words.second)
    hours, minutes = divmod(seconds // 60, 60)
    parts = [count(hours, words.hour) if hours else "", count(minutes, words.minute) if minutes else ""]
    return " ".join(part for part in parts if part)


def count(number: int, plural: tuple[str, str]) -> str:
    """A number of things: "1 day", "7 days"."""
    return f"{number} {plural[number != 1]}"


def _code(names: Sequence[str]) -> str:
    return ", ".join(f"`{escape(name)}`" for name in names[:MAX_ALIASES])


def escape(text: str, longest: int | None = None) -> str:
    """Text from outside, made harmless: Slack gives meaning to these three characters only."""
    if longest is not None and len(text) > longest:
        text = text[:longest] + "…"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(text: str) -> Block:
    """Text without markup, cut to what a label may hold: in its middle, as names mostly differ at their ends."""
    if len(text) > MAX_LABEL_LENGTH:
        half = (MAX_LABEL_LENGTH - 1) // 2
        text = f"{text[:half]}…{text[-half:]}"
    return {"type": "plain_text", "text": text}


def section(text: str) -> Block:
    """Text across the whole message."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def verbatim(text: str) -> Block:
    """A section in which Slack makes no mention or link of what a member wrote as @channel or an address.

    https://docs.slack.dev/reference/block-kit/composition-objects/text-object
    """
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def context(text: str) -> Block:
    """Small, quiet text."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}


def actions(*elements: Block) -> Block:
    """A row of buttons."""
    return {"type": "actions", "elements": list(elements)}


def button(text: str, action_id: str, value: str, **more: str) -> Block:
    """A button; without a value if that is empty, which Slack does not take."""
    button: Block = {"type": "button", "action_id": action_id, "text": plain(text), **more}
    return {**button, "value": value} if value else button
