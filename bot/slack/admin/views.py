"""What administrators see: forms, what is asked back, and what came of it. Pure.

Buttons hold an id and nothing else: what they lead to is in the store.
https://docs.slack.dev/reference/views/modal-views
"""

from collections.abc import Mapping as Dictionary
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.admin.changes import flat
from bot.admin.commands import OF_GROUPS, SHAPES, Act, Misunderstood, Name, Problem, Verb
from bot.admin.confirmation import Done, Explained, Forgotten, Item, Nothing, Outcome, Page, Question, Record, Verdict
from bot.core.access import Access, Grant, Lockdown, Mapping, Workspace
from bot.core.link import Allowed
from bot.core.policy import Considered
from bot.core.records import Entry
from bot.core.values import DEFAULT_ALIAS, USER_ID, is_group
from bot.slack.admin.parsing import GROUP
from bot.slack.members.views import (
    LONGEST_ECHO,
    PRODUCT,
    Block,
    Message,
    Reader,
    actions,
    button,
    context,
    duration,
    escape,
    parts,
    plain,
    section,
    slack_date,
    verbatim,
)

PICK, MENU = "admin_pick", "menu"
CONFIRM, CANCEL, MORE = "admin_confirm", "admin_cancel", "admin_more"
FORM = "admin_form"

ROWS = (
    (Verb.MAP, Verb.ALLOW),
    (Verb.UNMAP, Verb.DENY, Verb.FORGET, Verb.LOCKDOWN),
    (Verb.SHOW, Verb.LIST, Verb.HISTORY, Verb.EXPLAIN),
)
# Slack has no field in which to pick a user group.
PEOPLE = frozenset({Name.USER, Name.BY})
DAYS = frozenset({Name.UNTIL, Name.DAY})
LONGEST = {Name.REASON: 500, Name.ALIAS: 32, Name.ROLE_ARN: 600, Name.LANDING: 1023}
# How much of each is shown, so that the longest still fit into what Slack takes.
MOST_ALIASES, MOST_UNREADABLE = 8, 3
LONGEST_BY, LONGEST_NAME, LONGEST_DETAIL, LONGEST_WARNING = 60, 100, 200, 500


def mention(principal: str, longest: int = LONGEST_NAME) -> str:
    """A user or user group by their name, wherever that can be shown."""
    if is_group(principal):
        return f"<!subteam^{principal}>"
    return f"<@{principal}>" if USER_ID.fullmatch(principal) else f"`{_code(principal, longest)}`"


# Forms


def menu(reader: Reader) -> Message:
    """What there is to do."""
    words = reader.words.admin
    rows = [actions(*(button(words.verbs[verb], f"{PICK}_{verb}", verb) for verb in row)) for row in ROWS]
    return Message(words.choose, [section(words.choose), *rows])


def form(verb: Verb, reader: Reader) -> dict[str, Any]:
    """The fields of an act."""
    words, shape, grouped = reader.words.admin, SHAPES[verb], verb in OF_GROUPS
    blocks: list[Block] = []
    for name in shape.fields:
        optional = name not in shape.required or (grouped and name is Name.USER)
        blocks.append(_input(name, words.labels[name], _element(name, reader), optional=optional))
        if grouped and name is Name.USER:
            group: Block = {"type": "plain_text_input", "action_id": GROUP, "max_length": 31}
            blocks.append(_input(GROUP, words.or_group, group, optional=True))
    return {
        "type": "modal",
        "callback_id": FORM,
        "title": plain(words.verbs[verb]),
        "submit": plain(words.send),
        "close": plain(reader.words.cancel),
        "private_metadata": verb.value,
        "blocks": blocks,
    }


def _element(name: Name, reader: Reader) -> Block:
    if name is Name.STATE:
        states = [{"text": plain(text), "value": value} for value, text in reader.words.admin.states.items()]
        return {"type": "static_select", "action_id": name, "options": states}
    if name in PEOPLE:
        return {"type": "users_select", "action_id": name}
    if name in DAYS:
        return {"type": "datepicker", "action_id": name}
    return {"type": "plain_text_input", "action_id": name, "max_length": LONGEST.get(name, 63)}


def _input(block_id: str, label: str, element: Block, *, optional: bool) -> Block:
    return {"type": "input", "block_id": block_id, "label": plain(label), "element": element, "optional": optional}


def working(name: str, reader: Reader) -> dict[str, Any]:
    """What stands in the place of a form that was sent off until there is an answer.

    Args:
        name: by which the answer finds it; Slack knows it only once this is on the screen.
    """
    blocks = [section(reader.words.admin.working)]
    return {"type": "modal", "title": plain(PRODUCT), "external_id": name, "blocks": blocks}


def field_errors(problem: Misunderstood, values: Dictionary[str, str], reader: Reader) -> dict[str, str]:
    """What is wrong with a form that was sent off, by field."""
    words, name = reader.words.admin, Name(problem.field)
    by_group = name is Name.USER and bool(values.get(GROUP))
    said = words.must_be.format(must=words.must_group if by_group else words.must[name])
    if name is Name.USER and problem.problem is Problem.MISSING:
        said = words.one_of_both
    return {GROUP if by_group else name: said}


# Text


def usage(reader: Reader) -> Message:
    """How each act is typed."""
    words, command = reader.words.admin, escape(reader.command)
    lines = [f"`{command} admin {shape.example}`" for shape in SHAPES.values()]
    return told("\n".join([words.help_admin.format(command=command), *lines]))


def misunderstood(problem: Misunderstood, reader: Reader) -> Message:
    """What was not understood, with an example of what would have been."""
    words, command = reader.words.admin, escape(reader.command)
    must = words.must[Name(problem.field)] if problem.field in set(Name) else ""
    if problem.field == Name.USER and problem.verb in OF_GROUPS:
        must = words.must_with_group
    said = words.problems[problem.problem].format(field=_code(problem.field), value=_code(problem.value), must=must)
    if problem.verb is None:
        return told(f"{said}\n{usage(reader).text}")
    example = words.example.format(command=command, example=SHAPES[problem.verb].example)
    return told(f"{said}\n{example}")


def told(text: str) -> Message:
    """Plain words."""
    return Message(text, [section(text)])


def outcome(what: Outcome, reader: Reader, now: datetime, *, in_dialog: bool) -> Message:
    """What an administrator sees of what they asked for."""
    message = _outcome(what, reader, now)
    return message if not in_dialog or isinstance(what, Question) else with_way_back(message, reader)


def with_way_back(message: Message, reader: Reader) -> Message:
    """A dialog in which nothing is asked, with a button that leads to the menu."""
    another = actions(button(reader.words.admin.another, f"{PICK}_{MENU}", MENU))
    return Message(message.text, [*message.blocks, another])


def _outcome(what: Outcome, reader: Reader, now: datetime) -> Message:
    match what:
        case Nothing():
            return _nothing(what, reader)
        case Question():
            return _question(what, reader, now)
        case Done():
            return _done(what, reader, now)
        case Forgotten():
            return _forgotten(what, reader, now)
        case Explained():
            return _explained(what, reader, now)
        case Page():
            return _page(what, reader, now)


def _nothing(nothing: Nothing, reader: Reader) -> Message:
    words = reader.words.admin
    user = mention(nothing.act.principal) if nothing.act else ""
    lines = [words.verdicts[nothing.verdict].format(user=user)]
    if nothing.verdict is Verdict.NO_MAPPING:
        names = [f"`{mapping.alias}`" for mapping in nothing.access.mappings]
        has = words.has.format(
            user=user, aliases=", ".join(names[:MOST_ALIASES]) + (" …" * (len(names) > MOST_ALIASES))
        )
        lines.append(has if names else words.has_nothing.format(user=user))
    return told(" ".join(lines))


def _question(question: Question, reader: Reader, now: datetime) -> Message:
    words, act = reader.words.admin, question.act
    form = words.ended_question if _has_ended(act, now) else words.questions[act.verb]
    said = form.format(user=mention(act.principal), alias=act.alias or DEFAULT_ALIAS)
    blocks = [section(said)]
    if question.oneself:
        blocks.append(section(words.oneself))
    if is_group(act.principal):
        blocks.append(section(words.group))
    # A deny rule removes no other: it makes them count for nothing.
    form = words.before if act.verb is Verb.DENY else words.affected
    blocks += _sections([form.format(what=_record(each, reader, now)) for each in question.affected])
    if act.verb is Verb.MAP:
        blocks.append(section(words.in_its_place.format(what=mapping(act.mapping(), reader))))
    elif act.verb is Verb.LOCKDOWN:
        blocks.append(section(words.members_read.format(reason=escape(act.reason))))
    elif act.verb in (Verb.ALLOW, Verb.DENY):
        blocks.append(section(words.in_its_place.format(what=rule(act.grant(), reader, now))))
    buttons = actions(
        button(words.confirm, CONFIRM, question.id, style="danger"), button(words.leave, CANCEL, question.id)
    )
    return Message(said, [*blocks, buttons, context(words.confirm_within)])


def _done(done: Done, reader: Reader, now: datetime) -> Message:
    words, act, change = reader.words.admin, done.act, done.change
    record = change.after or change.before
    what = _record(record, reader, now) if record else ""
    form = words.unlocked if act.verb is Verb.LOCKDOWN and not act.locks else words.done[act.verb]
    form = words.done_ended if _has_ended(act, now) else form
    line = form.format(user=mention(act.principal), what=what)
    lines = [line if change.made else words.same.format(what=what or words.no_lockdown)]
    if change.made and change.before and change.after:
        lines.append(words.before.format(what=_record(change.before, reader, now)))
    lines += [f":information_source: {escape(warning, LONGEST_WARNING)}" for warning in change.warnings]
    return Message(lines[0], [section(line) for line in lines])


def _has_ended(act: Act, now: datetime) -> bool:
    """Whether it sets a rule whose time has passed."""
    return act.until is not None and act.until <= now


def _forgotten(forgotten: Forgotten, reader: Reader, now: datetime) -> Message:
    said = reader.words.admin.done[Verb.FORGET].format(user=mention(forgotten.act.principal))
    gone: tuple[Record, ...] = (*forgotten.removed.grants, *forgotten.removed.unreadable)
    return Message(said, [section(said), *_sections([_record(each, reader, now) for each in gone])])


def _explained(explained: Explained, reader: Reader, now: datetime) -> Message:
    words, decision = reader.words.admin, explained.explanation.decision
    user = mention(explained.act.principal)
    if isinstance(decision, Allowed):
        said = words.would_get.format(user=user)
    else:
        said = words.would_not_get.format(user=user, reason=decision.reason)
    marks = {True: ":white_check_mark:", False: ":x:"}
    checks = [
        f"{marks[check.passed]} {check.name}: {escape(check.detail, LONGEST_DETAIL)}" for check in decision.checks
    ]
    rules = [_considered(each, reader, now) for each in explained.explanation.rules] or [words.no_rules]
    found = [section("\n".join(part)) for part in parts(checks) if part]
    return Message(said, [section(said), *found, *_sections([words.considered, *rules])])


def _considered(each: Considered, reader: Reader, now: datetime) -> str:
    short = rule(replace(each.grant, reason="", set_by=""), reader, now)
    line = f"• {mention(each.grant.principal)} {short} · {each.why}"
    return f"{line} · {reader.words.admin.decides}" if each.decides else line


# Listings


def _page(page: Page, reader: Reader, now: datetime) -> Message:
    words, act = reader.words.admin, page.act
    match act.verb:
        case Verb.LIST:
            head, none = words.members, words.nobody
        case Verb.HISTORY:
            head, none = words.entries, words.no_entries
        case _:
            head, none = words.about.format(user=mention(act.principal)), words.nobody
    lines = [line for item in page.items for line in _lines(item, reader, now)]
    if page.searched_to is not None:
        lines.append(words.searched_to.format(at=slack_date(page.searched_to)))
    blocks = [section(head), *_sections(lines or [none])]
    if page.more is not None:
        blocks.append(actions(button(words.more, MORE, page.more)))
    elif page.items:
        blocks.append(context(words.last_page))
    return Message(head, blocks)


def _lines(item: Item, reader: Reader, now: datetime) -> list[str]:
    if isinstance(item, Entry):
        return _entry(item, reader)
    if isinstance(item, tuple):
        return _member(*item, reader, now)
    return [f"• {_record(item, reader, now)}"]


def _member(user: str, access: Access | Workspace, reader: Reader, now: datetime) -> list[str]:
    words = reader.words.admin
    own = access.mappings if isinstance(access, Access) else ()
    mappings = sorted(own, key=lambda mapping: mapping.alias)
    rules = [rule(replace(grant, reason="", set_by=""), reader, now) for grant in access.grants]
    rules += [_record(name, reader, now) for name in access.unreadable[:MOST_UNREADABLE]]
    lines = [
        f"*{mention(user)}* {'; '.join(rules)}",
        *(f"• {_short(each, reader)}" for each in mappings[:MOST_ALIASES]),
    ]
    if len(mappings) > MOST_ALIASES:
        number = len(mappings) - MOST_ALIASES
        lines.append(f"• {words.and_more.format(number=number, command=escape(reader.command), user=user)}")
    return lines


def _entry(entry: Entry, reader: Reader) -> list[str]:
    words, outcome = reader.words.admin, f"*{_code(entry.outcome, LONGEST_NAME)}*"
    told = [slack_date(entry.at), mention(entry.subject), _code(entry.action, LONGEST_NAME), outcome]
    told += [words.entry_by.format(by=mention(entry.actor))] if entry.actor != entry.subject else []
    if entry.profile_name and entry.domain_id:
        told.append(f"`{_code(entry.profile_name, LONGEST_NAME)}` · `{_code(entry.domain_id, LONGEST_NAME)}`")
    told += [escape(entry.detail, LONGEST_DETAIL)] if entry.detail else []
    changed = [words.entry_was.format(what=_values(entry.before))] if entry.before else []
    changed += [words.entry_now.format(what=_values(entry.after))] if entry.after else []
    return [" · ".join(told), *([f"    {' · '.join(changed)}"] if changed else [])]


def _values(record: Dictionary[str, object]) -> str:
    told = (
        f"{name} {value}"
        for name, value in flat(record).items()
        if not name.endswith(("set_by", "set_at", "profile_arn"))
    )
    return escape("; ".join(told), LONGEST_DETAIL)


# Records


def _record(record: Record, reader: Reader, now: datetime) -> str:
    match record:
        case Mapping():
            return mapping(record, reader)
        case Grant():
            return rule(record, reader, now)
        case Lockdown():
            return _lockdown(record, reader)
        case _:
            return reader.words.admin.unreadable.format(record=_code(record, LONGEST_NAME))


def mapping(mapping: Mapping, reader: Reader) -> str:
    """A mapping with all that it says."""
    words = reader.words.admin
    told = [_short(mapping, reader)]
    told += [words.mapping_space.format(space=mapping.space_name)] if mapping.space_name else []
    told += [words.mapping_region.format(region=mapping.region)] if mapping.region else []
    told += [words.mapping_landing.format(landing=_code(mapping.landing_uri))] if mapping.landing_uri else []
    told += [words.mapping_role.format(role=mapping.role_arn)] if mapping.role_arn else []
    seconds = mapping.session_seconds
    told += [words.mapping_seconds.format(time=duration(seconds, reader.words))] if seconds else []
    return ", ".join(told)


def _short(mapping: Mapping, reader: Reader) -> str:
    return reader.words.admin.mapping.format(
        alias=mapping.alias, profile=mapping.profile_name, domain=mapping.domain_id
    )


def rule(grant: Grant, reader: Reader, now: datetime) -> str:
    """A rule with all that it says."""
    words = reader.words.admin
    told = [words.rules[grant.effect]]
    if grant.until is not None:
        until = words.rule_until if grant.holds_at(now) else words.rule_ended
        told.append(until.format(until=slack_date(grant.until)))
    told += [words.rule_reason.format(reason=escape(grant.reason))] if grant.reason else []
    told += [words.rule_by.format(by=mention(grant.set_by, LONGEST_BY))] if grant.set_by else []
    return ", ".join(told)


def _lockdown(lockdown: Lockdown, reader: Reader) -> str:
    words = reader.words.admin
    told = [words.rule_reason.format(reason=escape(lockdown.reason))]
    told += [words.rule_by.format(by=mention(lockdown.set_by, LONGEST_BY))] if lockdown.set_by else []
    return ", ".join(told)


def _sections(lines: list[str]) -> list[Block]:
    """What is stored, with what members wrote in it, in as few sections as hold it."""
    return [verbatim("\n".join(part)) for part in parts(lines) if part]


def _code(text: str, longest: int = LONGEST_ECHO) -> str:
    """Text from outside between backticks, which it cannot end."""
    return escape(text.replace("`", "'"), longest)


def announcement(what: Done | Forgotten, by: str) -> str:
    """One line on a change for the audit channel."""
    about = what.act.principal or what.act.fields.get(Name.STATE, "")
    return f"{about} · {what.act.verb} · done · by {by}"
