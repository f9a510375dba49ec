"""Show pages of listings to administrators. Pure."""

from collections.abc import Mapping as Dictionary
from dataclasses import replace
from datetime import datetime

from bot.admin.history import flat
from bot.admin.results import Item, Page
from bot.admin.specs import Verb
from bot.core.access import Access, Workspace
from bot.core.records import Entry
from bot.slack.admin.records import MAX_DETAIL_LENGTH, MAX_NAME_LENGTH, code, describe, mention, rule, sections, short
from bot.slack.blocks import Message, RenderContext, actions, button, context, escape, section, slack_date

# How much of each is shown, so that a page fits into one message.
MAX_ALIASES, MAX_UNREADABLE = 8, 3
MORE = "admin_more"


def page(listing: Page, render: RenderContext, now: datetime) -> Message:
    words, command = render.words.admin, listing.command
    match command.verb:
        case Verb.LIST:
            head, none = words.members, words.nobody
        case Verb.HISTORY:
            head, none = words.entries, words.no_entries
        case _:
            head, none = words.about.format(user=mention(command.principal)), words.nobody
    lines = [line for item in listing.items for line in _lines(item, render, now)]
    if listing.searched_to is not None:
        lines.append(words.searched_to.format(at=slack_date(listing.searched_to)))
    blocks = [section(head), *sections(lines or [none])]
    if listing.more is not None:
        blocks.append(actions(button(words.more, MORE, listing.more)))
    elif listing.items:
        blocks.append(context(words.last_page))
    return Message(head, blocks)


def _lines(item: Item, render: RenderContext, now: datetime) -> list[str]:
    if isinstance(item, Entry):
        return _entry(item, render)
    if isinstance(item, tuple):
        return _member(*item, render, now)
    return [f"• {describe(item, render, now)}"]


def _member(user: str, access: Access | Workspace, render: RenderContext, now: datetime) -> list[str]:
    words = render.words.admin
    mappings = sorted(access.mappings, key=lambda mapping: mapping.alias)
    rules = [rule(replace(grant, reason="", set_by=""), render, now) for grant in access.grants]
    rules += [describe(name, render, now) for name in access.unreadable[:MAX_UNREADABLE]]
    lines = [
        f"*{mention(user)}* {'; '.join(rules)}",
        *(f"• {short(each, render)}" for each in mappings[:MAX_ALIASES]),
    ]
    if len(mappings) > MAX_ALIASES:
        number = len(mappings) - MAX_ALIASES
        lines.append(f"• {words.and_more.format(number=number, command=escape(render.command), user=user)}")
    return lines


def _entry(entry: Entry, render: RenderContext) -> list[str]:
    words, outcome = render.words.admin, f"*{code(entry.outcome, MAX_NAME_LENGTH)}*"
    phrases = [slack_date(entry.at), mention(entry.subject), code(entry.action, MAX_NAME_LENGTH), outcome]
    phrases += [words.entry_by.format(by=mention(entry.actor))] if entry.actor != entry.subject else []
    if entry.profile_name and entry.domain_id:
        phrases.append(f"`{code(entry.profile_name, MAX_NAME_LENGTH)}` · `{code(entry.domain_id, MAX_NAME_LENGTH)}`")
    phrases += [escape(entry.detail, MAX_DETAIL_LENGTH)] if entry.detail else []
    changed = [words.entry_was.format(what=_values(entry.before))] if entry.before else []
    changed += [words.entry_now.format(what=_values(entry.after))] if entry.after else []
    return [" · ".join(phrases), *([f"    {' · '.join(changed)}"] if changed else [])]


def _values(record: Dictionary[str, object]) -> str:
    phrases = (
        f"{name} {value}"
        for name, value in flat(record).items()
        if not name.endswith(("set_by", "set_at", "profile_arn"))
    )
    return escape("; ".join(phrases), MAX_DETAIL_LENGTH)
