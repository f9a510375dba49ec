"""What administrators see: forms, what is asked back, and what came of it. Pure.

Buttons hold an id and nothing else: what they lead to is in the store.
https://docs.slack.dev/reference/views/modal-views
"""

from collections.abc import Mapping as Dictionary
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.admin.changes import flat
from bot.admin.commands import AdminCommand, ParseError, Problem
from bot.admin.confirmation import Done, Explained, Forgotten, Item, Nothing, Outcome, Page, Question, Record, Verdict
from bot.admin.specs import COMMAND_SPECS, FIELD_SPECS, Kind, Name, Verb
from bot.core.access import Access, Grant, Lockdown, Mapping, Workspace
from bot.core.link import Allowed
from bot.core.policy import Considered
from bot.core.records import Entry
from bot.core.values import DEFAULT_ALIAS, USER_ID, is_group
from bot.slack.admin.parsing import GROUP
from bot.slack.blocks import (
    PRODUCT,
    Block,
    Message,
    RenderContext,
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
from bot.slack.members.views import MAX_ECHO_LENGTH

PICK, MENU = "admin_pick", "menu"
CONFIRM, CANCEL, MORE = "admin_confirm", "admin_cancel", "admin_more"
FORM = "admin_form"

ROWS = (
    (Verb.MAP, Verb.ALLOW),
    (Verb.UNMAP, Verb.DENY, Verb.FORGET, Verb.LOCKDOWN),
    (Verb.SHOW, Verb.LIST, Verb.HISTORY, Verb.EXPLAIN),
)
# How much of each is shown, so that the longest still fit into what Slack takes.
MAX_ALIASES, MAX_UNREADABLE = 8, 3
MAX_BY_LENGTH, MAX_NAME_LENGTH, MAX_DETAIL_LENGTH, MAX_WARNING_LENGTH = 60, 100, 200, 500


def mention(principal: str, longest: int = MAX_NAME_LENGTH) -> str:
    """A user or user group by their name, wherever that can be shown."""
    if is_group(principal):
        return f"<!subteam^{principal}>"
    return f"<@{principal}>" if USER_ID.fullmatch(principal) else f"`{_code(principal, longest)}`"


# Forms


def menu(render: RenderContext) -> Message:
    """What there is to do."""
    words = render.words.admin
    rows = [actions(*(button(words.verbs[verb], f"{PICK}_{verb}", verb) for verb in row)) for row in ROWS]
    return Message(words.choose, [section(words.choose), *rows])


def form(verb: Verb, render: RenderContext) -> dict[str, Any]:
    """The fields of an act."""
    words, spec = render.words.admin, COMMAND_SPECS[verb]
    blocks: list[Block] = []
    for name in spec.fields:
        optional = name not in spec.required or (spec.groups and name is Name.USER)
        blocks.append(_input(name, words.labels[name], _element(name, render), optional=optional))
        if spec.groups and name is Name.USER:  # Slack has no element that picks a user group
            group: Block = {"type": "plain_text_input", "action_id": GROUP, "max_length": 31}
            blocks.append(_input(GROUP, words.or_group, group, optional=True))
    return {
        "type": "modal",
        "callback_id": FORM,
        "title": plain(words.verbs[verb]),
        "submit": plain(words.send),
        "close": plain(render.words.cancel),
        "private_metadata": f"{verb} {render.words.language}",
        "blocks": blocks,
    }


def _element(name: Name, render: RenderContext) -> Block:
    match FIELD_SPECS[name].kind:
        case Kind.STATE:
            states = [{"text": plain(text), "value": value} for value, text in render.words.admin.states.items()]
            return {"type": "static_select", "action_id": name, "options": states}
        case Kind.PERSON:
            return {"type": "users_select", "action_id": name}
        case Kind.DAY:
            return {"type": "datepicker", "action_id": name}
        case Kind.TEXT:
            return {"type": "plain_text_input", "action_id": name, "max_length": FIELD_SPECS[name].max_length}


def _input(block_id: str, label: str, element: Block, *, optional: bool) -> Block:
    return {"type": "input", "block_id": block_id, "label": plain(label), "element": element, "optional": optional}


def working(name: str, render: RenderContext) -> dict[str, Any]:
    """What stands in the place of a form that was sent off until there is an answer.

    Args:
        name: by which the answer finds it; Slack knows it only once this is on the screen.
    """
    blocks = [section(render.words.admin.working)]
    return {"type": "modal", "title": plain(PRODUCT), "external_id": name, "blocks": blocks}


def field_errors(problem: ParseError, values: Dictionary[str, str], render: RenderContext) -> dict[str, str]:
    """What is wrong with a form that was sent off, by field."""
    words, name = render.words.admin, Name(problem.field)
    by_group = name is Name.USER and bool(values.get(GROUP))
    said = words.must_be.format(must=words.must_group if by_group else words.must[name])
    if name is Name.USER and problem.problem is Problem.MISSING:
        said = words.one_of_both
    elif problem.problem is Problem.EXCLUSIVE:
        said = words.problems[problem.problem]
    return {GROUP if by_group else name: said}


# Text


def usage(render: RenderContext) -> Message:
    """How each act is typed."""
    words, command = render.words.admin, escape(render.command)
    lines = [f"`{command} admin {spec.example}`" for spec in COMMAND_SPECS.values() if spec.in_slack]
    return told("\n".join([words.help_admin.format(command=command), *lines]))


def misunderstood(problem: ParseError, render: RenderContext) -> Message:
    """What was not understood, with an example of what would have been."""
    words, command = render.words.admin, escape(render.command)
    must = words.must[Name(problem.field)] if problem.field in set(Name) else ""
    if problem.field == Name.USER and problem.verb and COMMAND_SPECS[problem.verb].groups:
        must = words.must_with_group
    said = words.problems[problem.problem].format(field=_code(problem.field), value=_code(problem.value), must=must)
    if problem.verb is None:
        return told(f"{said}\n{usage(render).text}")
    example = words.example.format(command=command, example=COMMAND_SPECS[problem.verb].example)
    return told(f"{said}\n{example}")


def told(text: str) -> Message:
    """Plain words."""
    return Message(text, [section(text)])


def outcome(what: Outcome, render: RenderContext, now: datetime, *, in_dialog: bool) -> Message:
    """What an administrator sees of what they asked for."""
    message = _outcome(what, render, now)
    return message if not in_dialog or isinstance(what, Question) else with_way_back(message, render)


def with_way_back(message: Message, render: RenderContext) -> Message:
    """A dialog in which nothing is asked, with a button that leads to the menu."""
    another = actions(button(render.words.admin.another, f"{PICK}_{MENU}", MENU))
    return Message(message.text, [*message.blocks, another])


def _outcome(what: Outcome, render: RenderContext, now: datetime) -> Message:
    match what:
        case Nothing():
            return _nothing(what, render)
        case Question():
            return _question(what, render, now)
        case Done():
            return _done(what, render, now)
        case Forgotten():
            return _forgotten(what, render, now)
        case Explained():
            return _explained(what, render, now)
        case Page():
            return _page(what, render, now)


def _nothing(nothing: Nothing, render: RenderContext) -> Message:
    words = render.words.admin
    user = mention(nothing.act.principal) if nothing.act else ""
    lines = [words.verdicts[nothing.verdict].format(user=user)]
    if nothing.verdict is Verdict.NO_MAPPING:
        names = [f"`{mapping.alias}`" for mapping in nothing.access.mappings]
        has = words.has.format(
            user=user, aliases=", ".join(names[:MAX_ALIASES]) + (" …" * (len(names) > MAX_ALIASES))
        )
        lines.append(has if names else words.has_nothing.format(user=user))
    return told(" ".join(lines))


def _question(question: Question, render: RenderContext, now: datetime) -> Message:
    words, act = render.words.admin, question.act
    form = words.ended_question if _has_ended(act, now) else words.questions[act.verb]
    said = form.format(user=mention(act.principal), alias=act.alias or DEFAULT_ALIAS)
    blocks = [section(said)]
    if question.oneself:
        blocks.append(section(words.oneself))
    if is_group(act.principal):
        blocks.append(section(words.group))
    # A deny rule removes no other: it makes them count for nothing.
    form = words.before if act.verb is Verb.DENY else words.affected
    blocks += _sections([form.format(what=_record(each, render, now)) for each in question.affected])
    if act.verb is Verb.MAP:
        blocks.append(section(words.in_its_place.format(what=mapping(act.mapping(), render))))
    elif act.verb is Verb.LOCKDOWN:
        blocks.append(section(words.members_read.format(reason=escape(act.reason))))
    elif act.verb in (Verb.ALLOW, Verb.DENY):
        blocks.append(section(words.in_its_place.format(what=rule(act.grant(), render, now))))
    buttons = actions(
        button(words.confirm, CONFIRM, question.id, style="danger"), button(words.leave, CANCEL, question.id)
    )
    return Message(said, [*blocks, buttons, context(words.confirm_within)])


def _done(done: Done, render: RenderContext, now: datetime) -> Message:
    words, act, change = render.words.admin, done.act, done.change
    record = change.after or change.before
    what = _record(record, render, now) if record else ""
    form = words.unlocked if act.verb is Verb.LOCKDOWN and not act.locks else words.done[act.verb]
    form = words.done_ended if _has_ended(act, now) else form
    line = form.format(user=mention(act.principal), what=what)
    lines = [line if change.made else words.same.format(what=what or words.no_lockdown)]
    if change.made and change.before and change.after:
        lines.append(words.before.format(what=_record(change.before, render, now)))
    lines += [f":information_source: {escape(warning, MAX_WARNING_LENGTH)}" for warning in change.warnings]
    return Message(lines[0], [section(line) for line in lines])


def _has_ended(act: AdminCommand, now: datetime) -> bool:
    """Whether it sets a rule whose time has passed."""
    return act.until is not None and act.until <= now


def _forgotten(forgotten: Forgotten, render: RenderContext, now: datetime) -> Message:
    said = render.words.admin.done[Verb.FORGET].format(user=mention(forgotten.act.principal))
    gone: tuple[Record, ...] = (*forgotten.removed.grants, *forgotten.removed.unreadable)
    return Message(said, [section(said), *_sections([_record(each, render, now) for each in gone])])


def _explained(explained: Explained, render: RenderContext, now: datetime) -> Message:
    words, decision = render.words.admin, explained.explanation.decision
    user = mention(explained.act.principal)
    if isinstance(decision, Allowed):
        said = words.would_get.format(user=user)
    else:
        said = words.would_not_get.format(user=user, reason=decision.reason)
    marks = {True: ":white_check_mark:", False: ":x:"}
    checks = [
        f"{marks[check.passed]} {check.name}: {escape(check.detail, MAX_DETAIL_LENGTH)}" for check in decision.checks
    ]
    rules = [_considered(each, render, now) for each in explained.explanation.rules] or [words.no_rules]
    found = [section("\n".join(part)) for part in parts(checks) if part]
    return Message(said, [section(said), *found, *_sections([words.considered, *rules])])


def _considered(each: Considered, render: RenderContext, now: datetime) -> str:
    short = rule(replace(each.grant, reason="", set_by=""), render, now)
    line = f"• {mention(each.grant.principal)} {short} · {each.why}"
    return f"{line} · {render.words.admin.decides}" if each.decides else line


# Listings


def _page(page: Page, render: RenderContext, now: datetime) -> Message:
    words, act = render.words.admin, page.act
    match act.verb:
        case Verb.LIST:
            head, none = words.members, words.nobody
        case Verb.HISTORY:
            head, none = words.entries, words.no_entries
        case _:
            head, none = words.about.format(user=mention(act.principal)), words.nobody
    lines = [line for item in page.items for line in _lines(item, render, now)]
    if page.searched_to is not None:
        lines.append(words.searched_to.format(at=slack_date(page.searched_to)))
    blocks = [section(head), *_sections(lines or [none])]
    if page.more is not None:
        blocks.append(actions(button(words.more, MORE, page.more)))
    elif page.items:
        blocks.append(context(words.last_page))
    return Message(head, blocks)


def _lines(item: Item, render: RenderContext, now: datetime) -> list[str]:
    if isinstance(item, Entry):
        return _entry(item, render)
    if isinstance(item, tuple):
        return _member(*item, render, now)
    return [f"• {_record(item, render, now)}"]


def _member(user: str, access: Access | Workspace, render: RenderContext, now: datetime) -> list[str]:
    words = render.words.admin
    own = access.mappings if isinstance(access, Access) else ()
    mappings = sorted(own, key=lambda mapping: mapping.alias)
    rules = [rule(replace(grant, reason="", set_by=""), render, now) for grant in access.grants]
    rules += [_record(name, render, now) for name in access.unreadable[:MAX_UNREADABLE]]
    lines = [
        f"*{mention(user)}* {'; '.join(rules)}",
        *(f"• {_short(each, render)}" for each in mappings[:MAX_ALIASES]),
    ]
    if len(mappings) > MAX_ALIASES:
        number = len(mappings) - MAX_ALIASES
        lines.append(f"• {words.and_more.format(number=number, command=escape(render.command), user=user)}")
    return lines


def _entry(entry: Entry, render: RenderContext) -> list[str]:
    words, outcome = render.words.admin, f"*{_code(entry.outcome, MAX_NAME_LENGTH)}*"
    told = [slack_date(entry.at), mention(entry.subject), _code(entry.action, MAX_NAME_LENGTH), outcome]
    told += [words.entry_by.format(by=mention(entry.actor))] if entry.actor != entry.subject else []
    if entry.profile_name and entry.domain_id:
        told.append(f"`{_code(entry.profile_name, MAX_NAME_LENGTH)}` · `{_code(entry.domain_id, MAX_NAME_LENGTH)}`")
    told += [escape(entry.detail, MAX_DETAIL_LENGTH)] if entry.detail else []
    changed = [words.entry_was.format(what=_values(entry.before))] if entry.before else []
    changed += [words.entry_now.format(what=_values(entry.after))] if entry.after else []
    return [" · ".join(told), *([f"    {' · '.join(changed)}"] if changed else [])]


def _values(record: Dictionary[str, object]) -> str:
    told = (
        f"{name} {value}"
        for name, value in flat(record).items()
        if not name.endswith(("set_by", "set_at", "profile_arn"))
    )
    return escape("; ".join(told), MAX_DETAIL_LENGTH)


# Records


def _record(record: Record, render: RenderContext, now: datetime) -> str:
    match record:
        case Mapping():
            return mapping(record, render)
        case Grant():
            return rule(record, render, now)
        case Lockdown():
            return _lockdown(record, render)
        case _:
            return render.words.admin.unreadable.format(record=_code(record, MAX_NAME_LENGTH))


def mapping(mapping: Mapping, render: RenderContext) -> str:
    """A mapping with all that it says."""
    words = render.words.admin
    told = [_short(mapping, render)]
    told += [words.mapping_space.format(space=mapping.space_name)] if mapping.space_name else []
    told += [words.mapping_region.format(region=mapping.region)] if mapping.region else []
    told += [words.mapping_landing.format(landing=_code(mapping.landing_uri))] if mapping.landing_uri else []
    told += [words.mapping_role.format(role=mapping.role_arn)] if mapping.role_arn else []
    seconds = mapping.session_seconds
    told += [words.mapping_seconds.format(time=duration(seconds, render.words))] if seconds else []
    return ", ".join(told)


def _short(mapping: Mapping, render: RenderContext) -> str:
    return render.words.admin.mapping.format(
        alias=mapping.alias, profile=mapping.profile_name, domain=mapping.domain_id
    )


def rule(grant: Grant, render: RenderContext, now: datetime) -> str:
    """A rule with all that it says."""
    words = render.words.admin
    told = [words.rules[grant.effect]]
    if grant.until is not None:
        until = words.rule_until if grant.holds_at(now) else words.rule_ended
        told.append(until.format(until=slack_date(grant.until)))
    told += [words.rule_reason.format(reason=escape(grant.reason))] if grant.reason else []
    told += [words.rule_by.format(by=mention(grant.set_by, MAX_BY_LENGTH))] if grant.set_by else []
    return ", ".join(told)


def _lockdown(lockdown: Lockdown, render: RenderContext) -> str:
    words = render.words.admin
    told = [words.rule_reason.format(reason=escape(lockdown.reason))]
    told += [words.rule_by.format(by=mention(lockdown.set_by, MAX_BY_LENGTH))] if lockdown.set_by else []
    return ", ".join(told)


def _sections(lines: list[str]) -> list[Block]:
    """What is stored, with what members wrote in it, in as few sections as hold it."""
    return [verbatim("\n".join(part)) for part in parts(lines) if part]


def _code(text: str, longest: int = MAX_ECHO_LENGTH) -> str:
    """Text from outside between backticks, which it cannot end."""
    return escape(text.replace("`", "'"), longest)


def announcement(what: Done | Forgotten, by: str) -> str:
    """One line on a change for the audit channel."""
    about = what.act.principal or what.act.fields.get(Name.STATE, "")
    return f"{about} · {what.act.verb} · done · by {by}"
