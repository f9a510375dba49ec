"""Show mappings, rules and lockdowns to administrators, and pages of them. Pure."""

from collections.abc import Mapping as Dictionary
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.admin.history import batches, flat, says_all, sentence, short_name
from bot.admin.listing import Listed, describe_access
from bot.admin.results import Page, Record
from bot.admin.specs import Name, Verb
from bot.core.access import Grant, Lockdown, Mapping
from bot.core.records import Entry
from bot.core.values import MAX_REASON, USER_ID, is_group
from bot.slack.admin.forms import PICK, SEARCH
from bot.slack.blocks import (
    Block,
    Message,
    RenderContext,
    actions,
    button,
    context,
    duration,
    escape,
    parts,
    section,
    slack_date,
    verbatim,
)
from bot.slack.members.views import MAX_ECHO_LENGTH

# How much of each is shown, so that the longest still fit into a message.
MAX_BY_LENGTH, MAX_NAME_LENGTH, MAX_DETAIL_LENGTH = 60, 100, 200
MAX_ALIASES, MAX_UNREADABLE = 8, 3
MORE = "admin_more"
# By how much the extension form moves the end.
EXTENDED_BY = timedelta(days=30)
LAST_END = datetime(9999, 11, 1, tzinfo=UTC)


def mention(principal: str, longest: int = MAX_NAME_LENGTH) -> str:
    """Mention a user or user group, or show the name of another caller."""
    if is_group(principal):
        return f"<!subteam^{principal}>"
    return f"<@{principal}>" if USER_ID.fullmatch(principal) else f"`{code(principal, longest)}`"


def describe(record: Record, render: RenderContext, now: datetime) -> str:
    match record:
        case Mapping():
            return mapping(record, render)
        case Grant():
            return rule(record, render, now)
        case Lockdown():
            return ", ".join(_reason_and_author(record, render))
        case _:
            return render.words.admin.unreadable.format(record=code(record, MAX_NAME_LENGTH))


def mapping(mapping: Mapping, render: RenderContext) -> str:
    words = render.words.admin
    phrases = [short(mapping, render)]
    phrases += [words.mapping_space.format(space=mapping.space_name)] if mapping.space_name else []
    phrases += [words.mapping_region.format(region=mapping.region)] if mapping.region else []
    phrases += [words.mapping_landing.format(landing=code(mapping.landing_uri))] if mapping.landing_uri else []
    phrases += [words.mapping_role.format(role=mapping.role_arn)] if mapping.role_arn else []
    seconds = mapping.session_seconds
    phrases += [words.mapping_seconds.format(time=duration(seconds, render.words))] if seconds else []
    return ", ".join(phrases)


def short(mapping: Mapping, render: RenderContext) -> str:
    return render.words.admin.mapping.format(
        alias=mapping.alias, profile=mapping.profile_name, domain=mapping.domain_id
    )


def rule(grant: Grant, render: RenderContext, now: datetime) -> str:
    words = render.words.admin
    phrases = [words.rules[grant.effect]]
    if grant.until is not None:
        until = words.rule_until if grant.holds_at(now) else words.rule_ended
        phrases.append(until.format(until=slack_date(grant.until)))
    return ", ".join([*phrases, *_reason_and_author(grant, render)])


def _reason_and_author(record: Grant | Lockdown, render: RenderContext) -> list[str]:
    words, by = render.words.admin, mention(record.set_by, MAX_BY_LENGTH)
    phrases = [words.rule_reason.format(reason=code(record.reason, MAX_REASON))] if record.reason else []
    return [*phrases, words.rule_by.format(by=by)] if record.set_by else phrases


def sections(lines: list[str]) -> list[Block]:
    """Show lines, with text from members in them, in as few sections as hold them."""
    return [verbatim("\n".join(part)) for part in parts(lines) if part]


def code(text: str, longest: int = MAX_ECHO_LENGTH) -> str:
    """Escape text from outside for a code span, which it cannot end."""
    return escape(text.replace("`", "'"), longest)


def page(listing: Page, render: RenderContext, now: datetime) -> Message:
    words, command = render.words.admin, listing.command
    match command.verb:
        case Verb.LIST:
            head, none = (words.found, words.nobody_fits) if command.fields else (words.members, words.nobody)
            if (until := command.time(Name.EXPIRING)) is not None:
                head = words.ending_by.format(until=slack_date(until))
        case Verb.HISTORY:
            head, none = words.entries, words.no_entries
        case _:
            head, none = words.about.format(user=mention(command.principal)), words.nobody
    found = batches((item for item in listing.items if isinstance(item, Entry)), apart=Name.BY in command.fields)
    lines = [line for batch in found for line in entry_lines(batch, render)]
    lines += [line for item in listing.items if not isinstance(item, Entry) for line in _lines(item, render, now)]
    if listing.searched_to is not None:
        lines.append(words.searched_to.format(at=slack_date(listing.searched_to)))
    blocks = sections(lines or [none])
    if listing.items and Name.EXPIRING in command.fields:
        blocks = [extendable(item, render, now) for item in listing.items if isinstance(item, Listed)]
    blocks.insert(0, section(head))
    if listing.counts is not None and listing.items:
        first, last, number = listing.counts
        blocks.append(context(words.counts.format(first=first, last=last, number=number)))
    buttons = [button(words.more, MORE, listing.more)] if listing.more is not None else []
    if command.verb is Verb.LIST:
        buttons.append(button(words.search, f"{PICK}_{Verb.LIST}", f"{Verb.LIST} {SEARCH}"))
    blocks += [actions(*buttons)] if buttons else []
    if listing.more is None and listing.items:
        blocks.append(context(words.last_page))
    return Message(head, blocks)


def _lines(item: Record | Listed, render: RenderContext, now: datetime) -> list[str]:
    if isinstance(item, Listed):
        return member_lines(item, render, now)
    return [f"• {describe(item, render, now)}"]


def member_lines(row: Listed, render: RenderContext, now: datetime) -> list[str]:
    words, user, records = render.words.admin, row.principal, row.records
    mappings = sorted(records.mappings, key=lambda mapping: mapping.alias)
    states = [] if is_group(user) else [describe_access(row, words.access, when=slack_date, who=mention)]
    rules = [grant for grant in records.grants if grant is not row.rule or not row.allowed]
    states += [rule(replace(grant, reason="", set_by=""), render, now) for grant in rules]
    states += [describe(name, render, now) for name in records.unreadable[:MAX_UNREADABLE]]
    address = f" {escape(row.person.email, MAX_NAME_LENGTH)}" if row.person and row.person.email else ""
    lines = [
        f"*{mention(user)}*{address} {'; '.join(states)}",
        *(f"• {short(each, render)}" for each in mappings[:MAX_ALIASES]),
    ]
    if len(mappings) > MAX_ALIASES:
        number = len(mappings) - MAX_ALIASES
        lines.append(f"• {words.and_more.format(number=number, command=escape(render.command), user=user)}")
    return lines


def extendable(row: Listed, render: RenderContext, now: datetime) -> Block:
    """Show a member whose access ends, with the button that opens a form with a later end."""
    end = min(row.ends, LAST_END) + EXTENDED_BY
    value = f"{Verb.ALLOW} {row.principal} {end.astimezone(UTC):%Y-%m-%d}"
    extend = button(render.words.admin.extend, f"{PICK}_{Verb.ALLOW}", value)
    return {**sections(member_lines(row, render, now)[:1])[0], "accessory": extend}


def entry_lines(batch: tuple[Entry, ...], render: RenderContext) -> list[str]:
    words, entry = render.words.admin, batch[0]
    line = sentence(
        batch,
        {**words.sentences, "reason": "(`{reason}`)"},
        who=lambda name: mention(short_name(name), MAX_BY_LENGTH),
        when=slack_date,
        text=lambda text: code(text, MAX_DETAIL_LENGTH),
        command=f"{escape(render.command)} admin",
    )
    changed = [words.entry_was.format(what=_values(entry.before))] if entry.before else []
    changed += [words.entry_now.format(what=_values(entry.after))] if entry.after else []
    more = [f"    {' · '.join(changed)}"] if changed and len(batch) == 1 and not says_all(entry) else []
    return [f"{slack_date(entry.at)} · {line}", *more]


def _values(record: Dictionary[str, object]) -> str:
    phrases = (
        f"{name} {value}"
        for name, value in flat(record).items()
        if not name.endswith(("set_by", "set_at", "profile_arn"))
    )
    return f"`{code('; '.join(phrases), MAX_DETAIL_LENGTH)}`"
