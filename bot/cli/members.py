"""Who may open what: mappings, rules, what is stored of them, and what has happened."""

from datetime import timedelta
from typing import Annotated

import typer

from bot import app, console
from bot.admin import Change, parse_when
from bot.cli.options import AsJson, Principal, Team, Until, User, Why, actor, read_settings
from bot.model import Access, Allowed, Effect, Grant, Mapping, Member, utc_now

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
    settings = read_settings()
    member = Member(app.tenant(settings, team), user)
    change = app.administration(settings).map(member, mapping, actor(settings))
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
    settings = read_settings()
    member = Member(app.tenant(settings, team), user)
    change = app.administration(settings).unmap(member, alias, actor(settings))
    gone = change.before
    if isinstance(gone, Mapping):
        console.say(f"{user} is no longer mapped to {gone.profile_name} in {gone.domain_id} ({gone.alias})")


@commands.command()
def allow(principal: Principal, until: Until = None, reason: Why = "", team: Team = None) -> None:
    """Put a member on the allow-list.

    Example: studio-links allow U0123ABCD --until 30d --reason "project Falcon"
    """
    _grant(Effect.ALLOW, principal, until, reason, team)


@commands.command()
def deny(principal: Principal, until: Until = None, reason: Why = "", team: Team = None) -> None:
    """Block a member, whatever allows them.

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
    """Remove every rule of a member, and records that cannot be read; without a rule, they may do nothing.

    Example: studio-links forget U0123ABCD
    """
    settings = read_settings()
    removed = app.administration(settings).forget(app.tenant(settings, team), principal, actor(settings))
    for line in _rule_words(removed):
        console.say(f"removed: {line}")


@commands.command()
def show(user: User, team: Team = None, *, as_json: AsJson = False) -> None:
    """A member's mappings and rules.

    Example: studio-links show U0123ABCD
    """
    settings = read_settings()
    access = app.administration(settings).show(Member(app.tenant(settings, team), user))
    if as_json:
        console.print_json(_member_json(user, access))
        return
    rows = [("mapping", _mapping_words(mapping)) for mapping in access.mappings]
    rows += [("rule", line) for line in _rule_words(access)]
    console.print_table(["what", "details"], rows, empty=f"nothing is stored about {user}")


@commands.command("list")
def list_(team: Team = None, *, as_json: AsJson = False) -> None:
    """Every member with a mapping or a rule.

    Example: studio-links list --json
    """
    settings = read_settings()
    members = app.administration(settings).members(app.tenant(settings, team))
    if as_json:
        console.print_json([_member_json(user, access) for user, access in members])
        return
    rows = (
        (
            user,
            ", ".join(_mapping_words(mapping) for mapping in access.mappings) or None,
            ", ".join(_rule_words(access)) or None,
        )
        for user, access in members
    )
    console.print_table(["user", "mappings", "rules"], rows, empty="nobody is mapped or allowed yet")


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
    settings = read_settings()
    member = Member(app.tenant(settings, team), user)
    explanation = app.administration(settings).explain(member, alias)
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
            }
        )
        return
    rows = [("pass" if check.passed else "FAIL", check.name, check.detail) for check in decision.checks]
    console.print_table(["", "check", "what was found"], rows, empty="")
    console.say(f"{user} would get a link" if allowed else f"{user} would be refused: {reason}")
    if not explanation.slack_asked:
        console.warn("Slack was not asked about this account: set SLACK_BOT_TOKEN to include it")


def _grant(effect: Effect, principal: str, until: str | None, reason: str, team: str | None) -> None:
    end = None if until is None else parse_when(until, utc_now())
    grant = Grant(principal, effect, end, reason)
    settings = read_settings()
    tenant = app.tenant(settings, team)
    change = app.administration(settings).grant(tenant, grant, actor(settings))
    _report(change, grant.in_words(utc_now()))


def _report(change: Change, words: str) -> None:
    console.say(words if change.made else f"nothing to change: {words}")
    if change.made and isinstance(change.before, Mapping):
        console.say(f"before: {_mapping_words(change.before)}")
    elif change.made and isinstance(change.before, Grant):
        console.say(f"before: {change.before.in_words(utc_now())}")
    for warning in change.warnings:
        console.warn(warning)


def _member_json(user: str, access: Access) -> dict[str, object]:
    return {
        "user": user,
        "mappings": access.mappings,
        "grants": access.grants,
        "unreadable": access.unreadable,
    }


def _rule_words(access: Access) -> list[str]:
    now = utc_now()
    return [
        *(grant.in_words(now) for grant in access.grants),
        *(f"{name.replace('#', ' ')}: cannot be read" for name in access.unreadable),
    ]


def _mapping_words(mapping: Mapping) -> str:
    words = [f"{mapping.alias}: {mapping.profile_name} in {mapping.domain_id}"]
    words += [f"({mapping.region})"] if mapping.region else []
    words += [f"space {mapping.space_name}"] if mapping.space_name else []
    words += [f"at {mapping.landing_uri}"] if mapping.landing_uri else []
    words += [f"as {mapping.role_arn}"] if mapping.role_arn else []
    words += [f"for {timedelta(seconds=mapping.session_seconds)}"] if mapping.session_seconds else []
    return " ".join(words)
