"""Who may open what: mappings, rules, what is stored of them, and what has happened."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from typing import Annotated

import typer

from bot import console
from bot.admin.changes import Change, parse_when
from bot.cli.context import CommandContext
from bot.cli.options import AsJson, Principal, Team, Until, User, Why
from bot.core.access import Access, Effect, Grant, Mapping, Member, Workspace
from bot.core.link import Allowed
from bot.core.values import is_group, utc_now

commands = typer.Typer()


@commands.command("map")
def map_(
    user: User,
    *,
    domain: Annotated[str, typer.Option(metavar="D", help="SageMaker domain id, such as d-abc123.")],
    profile: Annotated[str, typer.Option(metavar="P", help="SageMaker user profile name.")],
    alias: Annotated[str, typer.Option(metavar="A", help="What the member calls it.")] = "default",
    region: Annotated[str | None, typer.Option(metavar="R", help="The domain's region, if another.")] = None,
    role_arn: Annotated[str | None, typer.Option(metavar="ARN", help="Role to assume for the call.")] = None,
    space: Annotated[str | None, typer.Option(metavar="S", help="Space to open.")] = None,
    landing: Annotated[
        str | None, typer.Option(metavar="URI", help="Where Studio opens, such as app:JupyterLab:")
    ] = None,
    session_seconds: Annotated[
        int | None, typer.Option(metavar="N", help="How long the Studio session lasts, 1800-43200.")
    ] = None,
    team: Team = None,
) -> None:
    """Map a member to a SageMaker user profile.

    Example: studio-links map U0123ABCD --domain d-abc123 --profile ana
    """
    mapping = Mapping(
        alias=alias,
        domain_id=domain,
        profile_name=profile,
        region=region,
        role_arn=role_arn,
        space_name=space,
        landing_uri=landing,
        session_seconds=session_seconds,
    )
    run = CommandContext(team)
    change = run.admin.map(Member(run.tenant, user), mapping, run.actor)
    _report(change, f"{user} is mapped to {profile} in {domain} as {alias}")


@commands.command()
def unmap(
    user: User,
    alias: Annotated[str | None, typer.Option(metavar="A", help="Which mapping, if there are several.")] = None,
    team: Team = None,
) -> None:
    """Take a mapping away.

    Example: studio-links unmap U0123ABCD --alias sandbox
    """
    run = CommandContext(team)
    change = run.admin.unmap(Member(run.tenant, user), alias, run.actor)
    gone = change.before
    if isinstance(gone, Mapping):
        console.say(f"{user} is no longer mapped to {gone.profile_name} in {gone.domain_id} ({gone.alias})")


@commands.command()
def allow(principal: Principal, until: Until = None, reason: Why = "", team: Team = None) -> None:
    """Put a member on the allow-list, or whoever is in a Slack user group.

    Who is in a group is asked of Slack, and kept for a minute at most. Where Slack does not say, nobody is allowed.

    Example: studio-links allow U0123ABCD --until 30d --reason "project Falcon"
    """
    _grant(Effect.ALLOW, principal, until, reason, team)


@commands.command()
def deny(principal: Principal, until: Until = None, reason: Why = "", team: Team = None) -> None:
    """Block a member, or whoever is in a Slack user group, whatever allows them.

    Where Slack does not say who is in the group, everybody is refused: forget the rules of a group before it goes.

    Example: studio-links deny U0123ABCD --reason "laptop stolen"
    """
    _grant(Effect.DENY, principal, until, reason, team)


@commands.command()
def admin(user: User, until: Until = None, reason: Why = "", team: Team = None) -> None:
    """Let a member administer from Slack, beside those whom STUDIO_ADMINS names; `forget` takes it back.

    Example: studio-links admin U0123ABCD --until 90d --reason "on call"
    """
    _grant(Effect.ADMIN, user, until, reason, team)


@commands.command()
def forget(principal: Principal, team: Team = None) -> None:
    """Remove every rule of a member or user group, and records that cannot be read.

    Example: studio-links forget U0123ABCD
    """
    run = CommandContext(team)
    removed = run.admin.forget(run.tenant, principal, run.actor)
    for line in _rule_words(removed):
        console.say(f"removed: {line}")


@commands.command()
def show(principal: Principal, team: Team = None, *, as_json: AsJson = False) -> None:
    """A member's mappings and rules, or the rules of a user group.

    Example: studio-links show U0123ABCD
    """
    run = CommandContext(team)
    records = run.admin.rules_of(run.tenant, principal)
    if as_json:
        console.print_json(_json(principal, records))
        return
    rows = [("mapping", _mapping_words(mapping)) for mapping in _mappings(records)]
    rows += [("rule", line) for line in _rule_words(records)]
    console.print_table(["what", "details"], rows, empty=f"nothing is stored about {principal}")


@commands.command("list")
def list_(team: Team = None, *, as_json: AsJson = False) -> None:
    """Every user group with a rule, and every member with a mapping or a rule.

    Example: studio-links list --json
    """
    run = CommandContext(team)
    everybody: Iterator[tuple[str, Access | Workspace]] = chain(
        run.admin.groups(run.tenant), run.admin.members(run.tenant)
    )
    if as_json:
        console.print_json([_json(principal, records) for principal, records in everybody])
        return
    rows = (
        (
            principal,
            ", ".join(_mapping_words(mapping) for mapping in _mappings(records)) or None,
            ", ".join(_rule_words(records)) or None,
        )
        for principal, records in everybody
    )
    console.print_table(["who", "mappings", "rules"], rows, empty="nobody is mapped or allowed yet")


@commands.command()
def explain(
    user: User,
    alias: Annotated[str | None, typer.Option(metavar="A", help="Which mapping, if there are several.")] = None,
    team: Team = None,
    *,
    as_json: AsJson = False,
) -> None:
    """What `/studio` would decide for a member now, and why. Issues nothing.

    Example: studio-links explain U0123ABCD
    """
    run = CommandContext(team)
    explanation = run.admin.explain(Member(run.tenant, user), alias)
    decision = explanation.decision
    allowed = isinstance(decision, Allowed)
    reason = None if isinstance(decision, Allowed) else decision.reason
    if as_json:
        console.print_json(
            {
                "user": user,
                "allowed": allowed,
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
        empty="there is no rule about this member or any group",
    )
    console.say(f"{user} would get a link" if allowed else f"{user} would be refused: {reason}")
    if not explanation.slack_asked:
        console.warn("Slack was not asked about this account and the groups: set SLACK_BOT_TOKEN to include it")


def _grant(effect: Effect, principal: str, until: str | None, reason: str, team: str | None) -> None:
    end = None if until is None else parse_when(until, utc_now())
    grant = Grant(principal, effect, end, reason)
    run = CommandContext(team)
    change = run.admin.grant(run.tenant, grant, run.actor)
    _report(change, grant.describe(utc_now()))


def _report(change: Change, words: str) -> None:
    console.say(words if change.made else f"nothing to change: {words}")
    if change.made and isinstance(change.before, Mapping):
        console.say(f"before: {_mapping_words(change.before)}")
    elif change.made and isinstance(change.before, Grant):
        console.say(f"before: {change.before.describe(utc_now())}")
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


def _rule_words(records: Access | Workspace) -> list[str]:
    now = utc_now()
    return [
        *(grant.describe(now) for grant in records.grants),
        *(f"{name.replace('#', ' ')}: cannot be read" for name in records.unreadable),
    ]


def _mapping_words(mapping: Mapping) -> str:
    words = [f"{mapping.alias}: {mapping.profile_name} in {mapping.domain_id}"]
    words += [f"({mapping.region})"] if mapping.region else []
    words += [f"space {mapping.space_name}"] if mapping.space_name else []
    words += [f"at {mapping.landing_uri}"] if mapping.landing_uri else []
    words += [f"as {mapping.role_arn}"] if mapping.role_arn else []
    words += [f"for {timedelta(seconds=mapping.session_seconds)}"] if mapping.session_seconds else []
    return " ".join(words)
