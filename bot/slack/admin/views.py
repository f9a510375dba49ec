"""Show administrators what their commands did, and ask for confirmation. Pure.

Buttons hold only an id; the store holds the command.
"""

import re
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches

from bot.admin.commands import AdminCommand, ParseError
from bot.admin.names import MAX_CANDIDATES, UnclearName
from bot.admin.results import (
    Done,
    Explained,
    Forgotten,
    NotDone,
    NotDoneReason,
    Outcome,
    Page,
    Question,
    Record,
    Result,
    Waiting,
)
from bot.admin.specs import COMMAND_SPECS, Name, Verb
from bot.core.access import Grant
from bot.core.approval_rules import describe as describe_rule
from bot.core.link import Allowed, Reason
from bot.core.policy import Considered
from bot.core.values import DEFAULT_ALIAS, is_group
from bot.slack.admin.forms import MENU, PICK
from bot.slack.admin.records import MAX_DETAIL_LENGTH, code, describe, mapping, mention, page, rule, sections
from bot.slack.admin.second import waits
from bot.slack.blocks import (
    Message,
    RenderContext,
    actions,
    button,
    context,
    escape,
    parts,
    section,
    text_message,
    verbatim,
)
from bot.slack.workspaces.items import item_lines

CONFIRM, CANCEL = "admin_confirm", "admin_cancel"
MAX_WARNING_LENGTH = 500
IN_SLACK = [verb for verb, spec in COMMAND_SPECS.items() if spec.in_slack]
SHELL_COMMAND = re.compile(f"`studio-links ({'|'.join(IN_SLACK)})\\b")
# How many aliases are shown, so that the longest still fit into a message.
MAX_ALIASES = 8


def usage(render: RenderContext) -> Message:
    lines = _usage(render)
    return Message("\n".join(lines), sections(lines))


def _usage(render: RenderContext) -> list[str]:
    words, command = render.words.admin, escape(render.command)
    lines = [f"`{command} admin {spec.example}`" for spec in COMMAND_SPECS.values() if spec.in_slack]
    return [words.help_admin.format(command=command), *lines]


def parse_error(problem: ParseError, render: RenderContext) -> Message:
    """Show the error in a command, with an example of a correct one."""
    words, command = render.words.admin, escape(render.command)
    must = words.must[Name(problem.field)] if problem.field in set(Name) else ""
    if problem.field == Name.USER and problem.verb and COMMAND_SPECS[problem.verb].groups:
        must = words.must_with_group
    text = words.problems[problem.problem].format(field=code(problem.field), value=code(problem.value), must=must)
    if problem.verb is None:
        near = get_close_matches(problem.value.lower(), IN_SLACK, n=1)
        hint = f" {render.words.nearest.format(aliases=f'`{near[0]}`')}" if near else ""
        lines = [f"{text}{hint}", *_usage(render)]
        return Message("\n".join(lines), sections(lines))
    example = words.example.format(command=command, example=COMMAND_SPECS[problem.verb].example)
    return text_message(f"{text}\n{example}")


def unclear_name(problem: UnclearName, render: RenderContext) -> Message:
    """Show that an address or @name stands for no one member, with the accounts that it may mean."""
    shown = [
        " ".join([mention(each.user_id), f"`{each.user_id}`", escape(each.email)]).strip()
        for each in problem.candidates[:MAX_CANDIDATES]
    ] + ["…"] * (len(problem.candidates) > MAX_CANDIDATES)
    text = render.words.admin.unclear_names[problem.problem]
    text = text.format(value=code(problem.text), candidates=", ".join(shown))
    return Message(text, [verbatim(text)])


def outcome(what: Outcome, render: RenderContext, now: datetime, *, in_dialog: bool) -> Message:
    message = waits(what, render, now) if isinstance(what, Waiting) else _outcome(what, render, now)
    return message if not in_dialog or isinstance(what, Question) else with_way_back(message, render)


def with_way_back(message: Message, render: RenderContext) -> Message:
    """Add a button that leads back to the menu."""
    another = actions(button(render.words.admin.another, f"{PICK}_{MENU}", MENU))
    return Message(message.text, [*message.blocks, another])


def _outcome(what: Result, render: RenderContext, now: datetime) -> Message:
    match what:
        case NotDone():
            return _not_done(what, render)
        case Question():
            return _question(what, render, now)
        case Done():
            return _done(what, render, now)
        case Forgotten():
            return _forgotten(what, render, now)
        case Explained():
            return _explained(what, render, now)
        case Page():
            return page(what, render, now)


def _not_done(not_done: NotDone, render: RenderContext) -> Message:
    words = render.words.admin
    user = mention(not_done.command.principal) if not_done.command else ""
    lines = [words.not_done[not_done.reason].format(user=user)]
    if not_done.reason is NotDoneReason.NO_MAPPING:
        names = [f"`{mapping.alias}`" for mapping in not_done.access.mappings]
        has = words.has.format(
            user=user, aliases=", ".join(names[:MAX_ALIASES]) + (" …" * (len(names) > MAX_ALIASES))
        )
        lines.append(has if names else words.has_nothing.format(user=user))
    return text_message(" ".join(lines))


def _question(question: Question, render: RenderContext, now: datetime) -> Message:
    words, command = render.words.admin, question.command
    form = words.ended_question if _has_ended(command, now) else words.questions[command.verb]
    text = form.format(user=mention(command.principal), alias=command.alias or DEFAULT_ALIAS)
    blocks = [section(text)]
    if question.oneself:
        blocks.append(section(words.oneself))
    if is_group(command.principal):
        blocks.append(section(words.group))
    # A deny rule removes no other rule: it overrides them.
    form = words.before if command.verb is Verb.DENY else words.affected
    blocks += sections([form.format(what=describe(each, render, now)) for each in question.affected])
    blocks += sections(item_lines(question.items, render.words.workspaces))
    if command.verb is Verb.MAP:
        blocks.append(section(words.after.format(what=mapping(command.mapping(), render))))
    elif command.verb is Verb.LOCKDOWN:
        blocks.append(section(words.members_read.format(reason=escape(command.reason))))
    elif command.verb in (Verb.ALLOW, Verb.DENY):
        blocks.append(section(words.after.format(what=rule(_new_rule(question), render, now))))
    buttons = actions(
        button(words.confirm, CONFIRM, question.id, style="danger"), button(words.leave, CANCEL, question.id)
    )
    return Message(text, [*blocks, buttons, context(words.confirm_within)])


def _new_rule(question: Question) -> Grant:
    """Return the rule to be set; without a reason of its own, it keeps that of the rule it replaces."""
    rule = question.command.grant()
    replaced = (old for old in question.affected if isinstance(old, Grant) and old.effect is rule.effect)
    return rule if rule.reason else replace(rule, reason=next((old.reason for old in replaced), ""))


def _done(done: Done, render: RenderContext, now: datetime) -> Message:
    words, command, change = render.words.admin, done.command, done.change
    record = change.after or change.before
    what = describe(record, render, now) if record else ""
    form = words.unlocked if command.verb is Verb.LOCKDOWN and not command.locks else words.done[command.verb]
    form = words.done_ended if _has_ended(command, now) else form
    obstacle = words.obstacles.get(change.obstacle) if change.obstacle else None
    lines = [form.format(user=mention(command.principal), what=what)]
    if obstacle is not None:
        lines = [obstacle.format(user=mention(command.principal)), words.rule_set.format(what=what)]
    if not change.made:
        lines[-1] = words.same.format(what=what or words.no_lockdown)
    if change.made and change.before and change.after:
        lines.append(words.before.format(what=describe(change.before, render, now)))
    lines += [f":information_source: {for_slack(warning, render)}" for warning in change.warnings]
    return Message(lines[0], [section(line) for line in lines])


def for_slack(text: str, render: RenderContext) -> str:
    """Escape a text for the shell, with the commands to type in Slack instead of the shell's."""
    return SHELL_COMMAND.sub(rf"`{escape(render.command)} admin \1", escape(text, MAX_WARNING_LENGTH))


def _has_ended(command: AdminCommand, now: datetime) -> bool:
    return command.until is not None and command.until <= now


def _forgotten(forgotten: Forgotten, render: RenderContext, now: datetime) -> Message:
    text = render.words.admin.done[Verb.FORGET].format(user=mention(forgotten.command.principal))
    removed: tuple[Record, ...] = (*forgotten.removed.grants, *forgotten.removed.unreadable)
    return Message(text, [section(text), *sections([describe(each, render, now) for each in removed])])


def _explained(explained: Explained, render: RenderContext, now: datetime) -> Message:
    words, decision = render.words.admin, explained.explanation.decision
    user = mention(explained.command.principal)
    if isinstance(decision, Allowed):
        text = words.would_get.format(user=user)
    elif decision.reason is Reason.CHOOSE:
        text = words.would_choose.format(user=user, aliases=", ".join(map(escape, decision.aliases[:MAX_ALIASES])))
    else:
        text = words.would_not_get.format(user=user, reason=decision.reason)
    marks = {True: ":white_check_mark:", False: ":x:"}
    checks = [
        f"{marks[check.passed]} {check.name}: `{code(check.detail, MAX_DETAIL_LENGTH)}`" for check in decision.checks
    ]
    rules = [_considered(each, render, now) for each in explained.explanation.rules] or [words.no_rules]
    if explained.explanation.unknown:
        checks.append(f":grey_question: SageMaker: {escape(explained.explanation.unknown, MAX_DETAIL_LENGTH)}")
    found = [section("\n".join(part)) for part in parts(checks) if part]
    asked = [f"• {describe_rule(each, words.approval_rules, mention)}" for each in explained.explanation.approval]
    return Message(text, [section(text), *found, *sections([words.considered, *rules, words.on_request, *asked])])


def _considered(each: Considered, render: RenderContext, now: datetime) -> str:
    short = rule(replace(each.grant, reason="", set_by=""), render, now)
    line = f"• {mention(each.grant.principal)} {short} · {each.why}"
    return f"{line} · {render.words.admin.decides}" if each.decides else line


def announcement(what: Done | Forgotten, by: str) -> str:
    """Describe a change in one line for the audit channel."""
    about = what.command.principal or what.command.fields.get(Name.STATE, "")
    return f"{about} · {what.command.verb} · done · by {by}"
