"""The verbs of administration: change mappings, rules and the lockdown, show them, explain what follows from them."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Annotated

import typer

from bot import console
from bot.admin.affected import affected, nothing_to_take, stored
from bot.admin.changes import Change
from bot.admin.commands import AdminCommand
from bot.admin.explain import explain as explain_decision
from bot.admin.names import label
from bot.admin.results import Done, Forgotten, Record, carry_out
from bot.admin.specs import Verb
from bot.cli import new_profiles
from bot.cli.context import CommandContext
from bot.cli.options import AsJson, Ids, Yes, add_verb
from bot.core.access import Access, Effect, Grant, Lockdown, Mapping, Member, Workspace
from bot.core.approval_rules import describe as describe_rule
from bot.core.errors import BadInput, StoreError
from bot.core.link import Allowed, Denied, Reason
from bot.core.records import AccessRequest
from bot.core.values import DEFAULT_ALIAS, utc_now
from bot.slack.words.admin_en import AdminWords

commands = typer.Typer()

NO_LOCKDOWN = "there is no lockdown"
QUESTIONS = {
    Verb.MAP: "Replace the mapping {alias} of {user}?",
    Verb.UNMAP: "Remove this mapping from {user}?",
    Verb.DENY: "Block {user}? This overrides every allow rule.",
    Verb.FORGET: "Remove every rule of {user}? Without an allow rule, there is no access.",
    Verb.LOCKDOWN: "Stop links for everyone in this workspace?",
}


def map_(
    run: CommandContext,
    command: AdminCommand,
    *,
    force: Annotated[bool, typer.Option("--force", help="Map even what SageMaker says cannot work.")] = False,
    create: Annotated[
        bool,
        typer.Option("--create", help="Make the profile from its domain's template, and the --space if named."),
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    if create:
        command = new_profiles.prepared(run, command)
    _change(run, command, force=force or create, yes=yes, as_json=as_json)
    if create:
        new_profiles.make(run, {command.principal: [command.mapping()]})


def change(run: CommandContext, command: AdminCommand, *, yes: Yes = False, as_json: AsJson = False) -> None:
    _change(run, command, force=False, yes=yes, as_json=as_json)


def _change(run: CommandContext, command: AdminCommand, *, force: bool, yes: bool, as_json: bool) -> None:
    seen = None if yes or not console.is_terminal() else _asked(run, command)
    result = carry_out(run.admin, run.tenant, command, run.actor, at_version=seen, force=force)
    done = Change(None, None) if isinstance(result, Forgotten) else result.change
    if as_json:
        console.print_json(_change_json(run.tenant, command, result))
    elif isinstance(result, Forgotten):
        for line in rule_lines(result.removed):
            console.print_line(f"removed: {line}")
    else:
        _print_change(command, done)
    for warning in done.warnings:
        console.warn(warning)
    run.notify(result.notices if isinstance(result, Done) else ())


def _asked(run: CommandContext, command: AdminCommand) -> int | None:
    """Ask before a command takes something away; return the version of the records that were shown.

    Raises:
        BadInput: the answer is no.
    """
    access, now = stored(run.admin, run.tenant, command), utc_now()
    lost = None if nothing_to_take(command, access) else affected(command, access, now)
    if lost is None:
        return None
    lines = [f"now: {_record_line(record)}" for record in lost]
    question = QUESTIONS.get(command.verb, "Shorten this rule of {user}?")
    question = question.format(user=command.principal, alias=command.alias or DEFAULT_ALIAS)
    if not console.confirm("\n".join([*lines, question])):
        raise BadInput("cancelled; nothing was changed")
    return access.version


def _print_change(command: AdminCommand, change: Change) -> None:
    made, before = change.made, change.before
    if change.obstacle in AdminWords.obstacles:
        console.print_line(AdminWords.obstacles[change.obstacle].format(user=command.principal))
    console.print_line(f"{'' if made else 'nothing to change: '}{_summary(command, change)}")
    if made and before is not None and change.after is not None and command.verb is not Verb.LOCKDOWN:
        console.print_line(f"before: {_record_line(before)}")


def _change_json(tenant: str, command: AdminCommand, result: Done | Forgotten) -> dict[str, object]:
    """Return a change in the words of `import --json`."""
    if isinstance(result, Forgotten):
        records = {f"grant#{grant.effect}": grant for grant in result.removed.grants}
        changes = [
            (what, before, None) for what, before in (records | dict.fromkeys(result.removed.unreadable)).items()
        ]
        return _written(command.principal, changes)
    change = result.change
    match change.after or change.before:
        case Mapping() as mapping:
            what = f"mapping#{mapping.alias}"
        case Grant() as grant:
            what = f"grant#{grant.effect}"
        case _:
            what = command.verb.value
    written = _written(command.principal or tenant, [(what, change.before, change.after)] if change.made else [])
    return {**written, "warnings": change.warnings, "obstacle": change.obstacle}


def _written(principal: str, changes: Iterable[tuple[str, object, object]]) -> dict[str, object]:
    records = [
        {"principal": principal, "what": what, "before": before, "after": after} for what, before, after in changes
    ]
    return {"written": bool(records), "changes": records}


def _summary(command: AdminCommand, change: Change) -> str:
    match command.verb, change.after or change.before:
        case Verb.MAP, Mapping() as mapping:
            where = f"{mapping.profile_name} in {mapping.domain_id} as {mapping.alias}"
            return f"{command.principal} is mapped to {where}"
        case Verb.UNMAP, Mapping() as mapping:
            where = f"{mapping.profile_name} in {mapping.domain_id} ({mapping.alias})"
            return f"{command.principal} is no longer mapped to {where}"
        case Verb.LOCKDOWN, _ if command.locks:
            return "nobody gets a link now" if change.made else "nobody gets a link already"
        case Verb.LOCKDOWN, _:
            return "the lockdown is over" if change.made else NO_LOCKDOWN
        case _, record:
            return _record_line(record)


def lockdown(run: CommandContext, command: AdminCommand | None, *, yes: Yes = False, as_json: AsJson = False) -> None:
    if command is not None:
        change(run, command, yes=yes, as_json=as_json)
        return
    workspace = run.admin.access.workspace(run.tenant)
    if as_json:
        console.print_json({"lockdown": workspace.lockdown, "unreadable": workspace.unreadable})
        return
    console.print_line(workspace.lockdown.describe() if workspace.lockdown else NO_LOCKDOWN)
    for name in workspace.unreadable:
        console.warn(f"{name.replace('#', ' ')} cannot be read: nobody gets a link until it is fixed")


def _upcoming(run: CommandContext, user: str) -> AccessRequest | None:
    """Return the member's access request that is approved for later; None without one, or if it cannot be read."""
    try:
        request = run.access_requests.open_request(Member(run.tenant, user))
    except StoreError as error:
        console.warn(f"it is not known whether access is approved for later: {error}")
        return None
    return request if request is not None and request.is_upcoming else None


def explain(run: CommandContext, command: AdminCommand, *, ids: Ids = False, as_json: AsJson = False) -> None:
    user = command.principal
    known = None if ids else run.names.of(run.tenant, [user]).get(user)
    explanation = explain_decision(run.admin, Member(run.tenant, user), command.alias, run.gatherer)
    decision, later = explanation.decision, _upcoming(run, user) if explanation.slack_asked else None
    reason = None if isinstance(decision, Allowed) else decision.reason
    if as_json:
        console.print_json(
            {
                "principal": user,
                "user": user,
                "name": known.name if known else None,
                "email": known.email if known else None,
                "allowed": reason is None,
                "reason": reason,
                "choices": decision.aliases if reason is Reason.CHOOSE else (),
                "begins": later.start if later else None,
                "slack_asked": explanation.slack_asked,
                "sagemaker_unknown": explanation.unknown,
                "checks": decision.checks,
                "rules": explanation.rules,
                "approval": [rule.name for rule in explanation.approval if rule.name],
            }
        )
        return
    if known:
        console.print_line(f"{user} {label(known)}")
    rows = [("pass" if check.passed else "FAIL", check.name, check.detail) for check in decision.checks]
    console.print_table(["", "check", "what was found"], rows, empty="")
    console.print_table(
        ["", "rule", "effect"],
        [("DECIDES" if rule.decides else "", rule.grant.describe(utc_now()), rule.why) for rule in explanation.rules],
        empty="no rule concerns this member or any group",
    )
    console.print_line(f"{user} would {_answer(decision)}")
    if later and later.start:
        console.print_line(f"Approved by {later.decided_by}: access begins {later.start:%Y-%m-%d %H:%M} UTC")
    for rule in explanation.approval:
        console.print_line(f"On an access request: {describe_rule(rule, AdminWords.approval_rules, str)}")
    if explanation.unknown:
        console.warn(f"SageMaker did not say whether this can be opened: {explanation.unknown}")
    if not explanation.slack_asked:
        console.warn("Slack was not asked about this account and the groups: set SLACK_BOT_TOKEN to include it")


def _answer(decision: Allowed | Denied) -> str:
    match decision:
        case Allowed():
            return "get a link"
        case Denied(reason=Reason.CHOOSE):
            return f"be asked which to open: {', '.join(decision.aliases)}"
        case Denied(sign_in_address=str(address)):
            return f"be refused: {decision.reason}, and sent to {address}"
        case _:
            return f"be refused: {decision.reason}"


_CHANGES = (Verb.UNMAP, *(Verb(effect.value) for effect in Effect), Verb.FORGET)
_WORK: dict[Verb, Callable[..., None]] = {
    Verb.MAP: map_,
    **dict.fromkeys(_CHANGES, change),
    Verb.EXPLAIN: explain,
    Verb.LOCKDOWN: lockdown,
}
for _verb, _work in _WORK.items():
    add_verb(commands, _verb, _work)


def rule_lines(records: Access | Workspace) -> list[str]:
    now = utc_now()
    return [
        *(grant.describe(now) for grant in records.grants),
        *(f"{name.replace('#', ' ')}: cannot be read" for name in records.unreadable),
    ]


def _record_line(record: Record | None) -> str:
    match record:
        case Mapping():
            return mapping_line(record)
        case Grant():
            return record.describe(utc_now())
        case Lockdown():
            return record.describe()
        case _:
            return f"{record}: cannot be read".replace("#", " ")


def mapping_line(mapping: Mapping) -> str:
    parts = [f"{mapping.alias}: {mapping.profile_name} in {mapping.domain_id}"]
    parts += [f"({mapping.region})"] if mapping.region else []
    parts += [f"space {mapping.space_name}"] if mapping.space_name else []
    parts += [f"at {mapping.landing_uri}"] if mapping.landing_uri else []
    parts += [f"as {mapping.role_arn}"] if mapping.role_arn else []
    parts += [f"for {timedelta(seconds=mapping.session_seconds)}"] if mapping.session_seconds else []
    return " ".join(parts)
