"""Mappings and rules: set them, remove them, show them, explain what follows from them."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import chain

import typer

from bot import console
from bot.admin.changes import Change
from bot.admin.commands import AdminCommand
from bot.admin.specs import Verb
from bot.cli.context import CommandContext
from bot.cli.options import AsJson, add_verb
from bot.core.access import Access, Effect, Grant, Mapping, Member, Workspace
from bot.core.link import Allowed
from bot.core.values import is_group, utc_now

commands = typer.Typer()


def map_(run: CommandContext, command: AdminCommand) -> None:
    mapping = command.mapping()
    change = run.admin.map(Member(run.tenant, command.principal), mapping, run.actor)
    where = f"{mapping.profile_name} in {mapping.domain_id} as {mapping.alias}"
    _report(change, f"{command.principal} is mapped to {where}")


def unmap(run: CommandContext, command: AdminCommand) -> None:
    user = command.principal
    removed = run.admin.unmap(Member(run.tenant, user), command.alias, run.actor).before
    if isinstance(removed, Mapping):
        where = f"{removed.profile_name} in {removed.domain_id} ({removed.alias})"
        console.print_line(f"{user} is no longer mapped to {where}")


def set_rule(run: CommandContext, command: AdminCommand) -> None:
    grant = command.grant()
    _report(run.admin.grant(run.tenant, grant, run.actor), grant.describe(utc_now()))


def forget(run: CommandContext, command: AdminCommand) -> None:
    for line in _rule_lines(run.admin.forget(run.tenant, command.principal, run.actor)):
        console.print_line(f"removed: {line}")


def show(run: CommandContext, command: AdminCommand, *, as_json: AsJson = False) -> None:
    principal = command.principal
    records = run.admin.rules_of(run.tenant, principal)
    if as_json:
        console.print_json(_json(principal, records))
        return
    rows = [("mapping", _mapping_line(mapping)) for mapping in _mappings(records)]
    rows += [("rule", line) for line in _rule_lines(records)]
    console.print_table(["what", "details"], rows, empty=f"nothing is stored about {principal}")


def list_(run: CommandContext, _: AdminCommand, *, as_json: AsJson = False) -> None:
    everybody: Iterator[tuple[str, Access | Workspace]] = chain(
        run.admin.groups(run.tenant), run.admin.members(run.tenant)
    )
    if as_json:
        console.print_json([_json(principal, records) for principal, records in everybody])
        return
    rows = (
        (
            principal,
            ", ".join(_mapping_line(mapping) for mapping in _mappings(records)) or None,
            ", ".join(_rule_lines(records)) or None,
        )
        for principal, records in everybody
    )
    console.print_table(["who", "mappings", "rules"], rows, empty="nobody is mapped or allowed yet")


def explain(run: CommandContext, command: AdminCommand, *, as_json: AsJson = False) -> None:
    user = command.principal
    explanation = run.admin.explain(Member(run.tenant, user), command.alias, run.gatherer)
    decision = explanation.decision
    reason = None if isinstance(decision, Allowed) else decision.reason
    if as_json:
        console.print_json(
            {
                "user": user,
                "allowed": reason is None,
                "reason": reason,
                "slack_asked": explanation.slack_asked,
                "checks": decision.checks,
                "rules": explanation.rules,
            }
        )
        return
    rows = [("pass" if check.passed else "FAIL", check.name, check.detail) for check in decision.checks]
    console.print_table(["", "check", "what was found"], rows, empty="")
    console.print_table(
        ["", "rule", "how it stands"],
        [("DECIDES" if rule.decides else "", rule.grant.describe(utc_now()), rule.why) for rule in explanation.rules],
        empty="no rule concerns this member or any group",
    )
    console.print_line(f"{user} would {'get a link' if reason is None else f'be refused: {reason}'}")
    if not explanation.slack_asked:
        console.warn("Slack was not asked about this account and the groups: set SLACK_BOT_TOKEN to include it")


_VERBS: dict[Verb, Callable[..., None]] = {
    Verb.MAP: map_,
    Verb.UNMAP: unmap,
    **{Verb(effect.value): set_rule for effect in Effect},
    Verb.FORGET: forget,
    Verb.SHOW: show,
    Verb.LIST: list_,
    Verb.EXPLAIN: explain,
}
for _verb, _work in _VERBS.items():
    add_verb(commands, _verb, _work)


def _report(change: Change, line: str) -> None:
    console.print_line(line if change.made else f"nothing to change: {line}")
    if change.made and isinstance(change.before, Mapping):
        console.print_line(f"before: {_mapping_line(change.before)}")
    elif change.made and isinstance(change.before, Grant):
        console.print_line(f"before: {change.before.describe(utc_now())}")
    for warning in change.warnings:
        console.warn(warning)


def _json(principal: str, records: Access | Workspace) -> dict[str, object]:
    return {
        "group" if is_group(principal) else "user": principal,
        "mappings": _mappings(records),
        "grants": records.grants,
        "unreadable": records.unreadable,
    }


def _mappings(records: Access | Workspace) -> tuple[Mapping, ...]:
    return records.mappings if isinstance(records, Access) else ()


def _rule_lines(records: Access | Workspace) -> list[str]:
    now = utc_now()
    return [
        *(grant.describe(now) for grant in records.grants),
        *(f"{name.replace('#', ' ')}: cannot be read" for name in records.unreadable),
    ]


def _mapping_line(mapping: Mapping) -> str:
    parts = [f"{mapping.alias}: {mapping.profile_name} in {mapping.domain_id}"]
    parts += [f"({mapping.region})"] if mapping.region else []
    parts += [f"space {mapping.space_name}"] if mapping.space_name else []
    parts += [f"at {mapping.landing_uri}"] if mapping.landing_uri else []
    parts += [f"as {mapping.role_arn}"] if mapping.role_arn else []
    parts += [f"for {timedelta(seconds=mapping.session_seconds)}"] if mapping.session_seconds else []
    return " ".join(parts)
