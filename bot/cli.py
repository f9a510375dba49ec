"""The `studio-links` command: parses, calls, prints.

Exit codes: 0 done, 1 refused or failed (one clear line on standard error), 2 wrong usage.
"""

import sys
from datetime import timedelta
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer

from bot import app, console, logs
from bot.admin import Actor, Change, parse_when
from bot.config import HttpSettings, Settings, SocketSettings, load
from bot.errors import ConfigError, StudioLinksError
from bot.model import Access, Allowed, Door, Effect, Grant, InvalidValue, Mapping, Member, utc_now
from bot.store import tables as table_admin

cli = typer.Typer(
    help="A Slack bot that gives members 60-second sign-in links to SageMaker Studio.\n\n"
    "Example: studio-links demo --once",
    no_args_is_help=True,
    # typer's own tracebacks show local variables, secrets among them.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
tables_cli = typer.Typer(help="The DynamoDB tables.\n\nExample: studio-links tables create", no_args_is_help=True)
cli.add_typer(tables_cli, name="tables")

User = Annotated[str, typer.Argument(metavar="SLACK_USER", help="Slack user id, such as U0123ABCD.")]
Principal = Annotated[str, typer.Argument(metavar="PRINCIPAL", help="Slack user id, such as U0123ABCD.")]
Team = Annotated[
    str | None,
    typer.Option(help="Slack team id, where neither SLACK_BOT_TOKEN nor STUDIO_TEAMS settles it."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Until = Annotated[
    str | None, typer.Option(metavar="WHEN", help="Until when: 8h, 30d, 2026-12-31 (its end, UTC), or a full time.")
]
Why = Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with the rule and in the audit.")]


def main() -> NoReturn:
    """Run the command, and turn what went wrong into one line and an exit code."""
    logs.configure(level="ERROR", style="console")
    logs.catch_crashes()
    try:
        cli(standalone_mode=True)
    except InvalidValue as error:
        console.fail(str(error))
        sys.exit(2)
    except StudioLinksError as error:
        console.fail(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


@cli.command("map")
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
    settings = _settings()
    member = Member(app.tenant(settings, team), user)
    change = app.administration(settings).map(member, mapping, _actor(settings))
    _report(change, f"{user} is mapped to {profile} in {domain} as {alias}")


@cli.command()
def unmap(
    user: User,
    alias: Annotated[str | None, typer.Option(metavar="A", help="Which mapping, if there are several.")] = None,
    team: Team = None,
) -> None:
    """Take a mapping away.

    Example: studio-links unmap U0123ABCD --alias sandbox
    """
    settings = _settings()
    member = Member(app.tenant(settings, team), user)
    change = app.administration(settings).unmap(member, alias, _actor(settings))
    gone = change.before
    if isinstance(gone, Mapping):
        console.say(f"{user} is no longer mapped to {gone.profile_name} in {gone.domain_id} ({gone.alias})")


@cli.command()
def allow(principal: Principal, until: Until = None, reason: Why = "", team: Team = None) -> None:
    """Put a member on the allow-list.

    Example: studio-links allow U0123ABCD --until 30d --reason "project Falcon"
    """
    _grant(Effect.ALLOW, principal, until, reason, team)


@cli.command()
def deny(principal: Principal, until: Until = None, reason: Why = "", team: Team = None) -> None:
    """Block a member, whatever allows them.

    Example: studio-links deny U0123ABCD --reason "laptop stolen"
    """
    _grant(Effect.DENY, principal, until, reason, team)


@cli.command()
def forget(principal: Principal, team: Team = None) -> None:
    """Remove every rule of a member, and records that cannot be read; without a rule, they are not allowed.

    Example: studio-links forget U0123ABCD
    """
    settings = _settings()
    removed = app.administration(settings).forget(app.tenant(settings, team), principal, _actor(settings))
    for line in _rule_words(removed):
        console.say(f"removed: {line}")


@cli.command()
def show(user: User, team: Team = None, *, as_json: AsJson = False) -> None:
    """A member's mappings and rules.

    Example: studio-links show U0123ABCD
    """
    settings = _settings()
    access = app.administration(settings).show(Member(app.tenant(settings, team), user))
    if as_json:
        console.print_json(_member_json(user, access))
        return
    rows = [("mapping", _mapping_words(mapping)) for mapping in access.mappings]
    rows += [("rule", line) for line in _rule_words(access)]
    console.print_table(["what", "details"], rows, empty=f"nothing is stored about {user}")


@cli.command("list")
def list_(team: Team = None, *, as_json: AsJson = False) -> None:
    """Every member with a mapping or a rule.

    Example: studio-links list --json
    """
    settings = _settings()
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


@cli.command()
def history(
    user: Annotated[str | None, typer.Argument(metavar="[SLACK_USER]", help="Only this member.")] = None,
    since: Annotated[str, typer.Option(metavar="WHEN", help="How far back: 8h, 30d, 2026-01-31.")] = "7d",
    limit: Annotated[int, typer.Option(min=1, help="At most so many entries.")] = 1000,
    team: Team = None,
    *,
    as_json: AsJson = False,
) -> None:
    """The audit, newest first: requests and administrative changes.

    Example: studio-links history U0123ABCD --since 30d
    """
    settings = _settings()
    tenant = app.tenant(settings, team)
    start = parse_when(since, utc_now(), sign=-1)
    entries = app.administration(settings).history(tenant, user, start, limit)
    if as_json:
        console.print_json(list(entries))
        return
    rows = (
        (e.at, e.subject, e.action, e.outcome, e.profile_name, e.domain_id, e.actor, e.opened_at, e.detail)
        for e in entries
    )
    columns = ["at (UTC)", "member", "action", "outcome", "profile", "domain", "by", "opened", "detail"]
    console.print_table(columns, rows, empty="nothing has happened in that time")


@cli.command()
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
    settings = _settings()
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


@cli.command()
def serve(
    *, socket: Annotated[bool, typer.Option("--socket", help="Socket Mode: Slack is reached, not reaching.")] = False
) -> None:
    """The bot: over HTTP, or over Socket Mode for networks that Slack cannot reach.

    Example: HOST=0.0.0.0 PORT=8080 studio-links serve
    """
    settings = load(SocketSettings) if socket else load(HttpSettings)
    logs.configure(level=settings.log_level, style=settings.log_format)
    from bot.server import Server  # noqa: PLC0415 - gunicorn is needed by this command alone

    Server(settings).run()


@tables_cli.command()
def create() -> None:
    """Create the tables that are missing, and switch on what protects them.

    Example: studio-links tables create
    """
    complete = True
    for finding in table_admin.create(app.table_administration(_settings())):
        console.say(f"{finding.table}: {finding.name}: {finding.detail}")
        complete = complete and finding.ok
    if not complete:
        raise typer.Exit(1)


@tables_cli.command()
def check(*, as_json: AsJson = False) -> None:
    """Compare the tables with what the bot relies on.

    Example: studio-links tables check
    """
    findings = list(table_admin.check(app.table_administration(_settings())))
    if as_json:
        console.print_json(findings)
    else:
        rows = [("ok" if f.ok else "FAIL", f.table, f.name, f.detail) for f in findings]
        console.print_table(["", "table", "what", "details"], rows, empty="")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@cli.command("local-aws")
def local_aws(
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="Where to listen; 0 picks one.")] = 5001,
) -> None:
    """A stand-in for AWS on this machine, for the AWS CLI or boto3: DynamoDB, STS and SageMaker Studio's sign-in.

    Example: studio-links local-aws --port 5001
    """
    _local().serve_aws(port)


@cli.command()
def demo(
    port: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, max=65535, help="Where the page is served (8600); 0 picks a free port."),
    ] = None,
    *,
    once: Annotated[bool, typer.Option("--once", help="Play one scripted run in the terminal, then exit.")] = False,
    link_seconds: Annotated[
        int | None,
        typer.Option(metavar="N", min=5, max=300, help="How long links live, to see one expire without waiting."),
    ] = None,
) -> None:
    """The whole product on this machine, no account needed: a Slack-like workspace in the browser, and the bot.

    Example: studio-links demo --link-seconds 10
    """
    _local().demo(port=port, once=once, link_seconds=link_seconds)


def _local() -> Any:
    """The stand-ins, which are an extra: a bot in production has no use for them."""
    try:
        return import_module("bot.local.demo")
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the stand-ins need {error.name}: install them with `pip install 'studio-links[local]'`"
        ) from error


def _settings() -> Settings:
    settings = load(Settings)
    # What a command has to say it says itself; its log is for those who ask for it.
    logs.configure(level=settings.log_level if "log_level" in settings.model_fields_set else "ERROR", style="console")
    return settings


def _actor(settings: Settings) -> Actor:
    return Actor(app.caller(settings), Door.CLI)


def _grant(effect: Effect, principal: str, until: str | None, reason: str, team: str | None) -> None:
    end = None if until is None else parse_when(until, utc_now())
    grant = Grant(principal, effect, end, reason)
    settings = _settings()
    tenant = app.tenant(settings, team)
    change = app.administration(settings).grant(tenant, grant, _actor(settings))
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
