"""End a denied member's running apps and sessions."""

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Annotated

import typer

from bot import console
from bot.admin.specs import FIELD_SPECS, Name
from bot.cli.context import CommandContext
from bot.cli.options import AsJson, ServingRole, Team, Yes
from bot.core.access import Effect, Member, in_force
from bot.core.audit import DONE, INCOMPLETE, REQUESTED, changed
from bot.core.errors import BadInput, StudioError
from bot.core.values import ROLE_ARN, check_pattern, utc_now

if TYPE_CHECKING:
    from bot.aws.revocation import Revocation, Step
    from bot.core.access import Mapping

commands = typer.Typer()

# Access and costs that no AWS call can end.
REMAINS = (
    "credentials that the member copied out of Studio: they work until they expire, for up to 12 hours",
    "training jobs, endpoints and other resources that the member started",
    "files: they stay in the spaces and the profile",
)


@dataclass(slots=True)
class Result:
    """What was ended and what was not, each with its reason. The field names are keys of the JSON output."""

    principal: str
    ended: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    remains: list[str] = field(default_factory=list)


@commands.command()
def revoke(
    user: Annotated[str, typer.Argument(metavar="SLACK_USER", help=FIELD_SPECS[Name.USER].help)],
    *,
    serving_role: ServingRole = None,
    assume: Annotated[
        list[str] | None, typer.Option(metavar="ARN", help="Role to assume for resources in its account.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would end.")] = False,
    yes: Yes = False,
    team: Team = None,
    as_json: AsJson = False,
) -> None:
    """End a denied member's apps in Studio, and the sessions that made their links.

    Deny the member first, and remove their mappings afterwards: this ends only what belongs to mapped profiles. The
    sessions end through an inline policy of the role that made the links, which has no effect on later sessions. If
    that is the bot's own role, the profiles get no links until its credentials are renewed, within hours. Apps in
    spaces that others use keep running. The policy for this: `studio-links iam-policy --role revocation`.

    Example: studio-links revoke U0123ABCD --serving-role arn:aws:iam::123456789012:role/bot
    """
    for each in assume or []:
        check_pattern("assume", each, ROLE_ARN, 600, "an IAM role's ARN")
    run = CommandContext(team)
    user = run.user_id(user)
    member, now = Member(run.tenant, user), utc_now()
    access = run.admin.access.read(member)
    if not access.mappings:
        raise BadInput(f"nothing is mapped to {user}, so nothing can be found: run this before you unmap a member")
    if not in_force(access.grants, Effect.DENY, now):
        console.warn(f"{user} is not denied and may get a new link: `studio-links deny {user}`")
    result = Result(user, remains=list(REMAINS))
    steps = _steps(_revocation(run, member, serving_role, assume or []), tuple(access.mappings), result)
    if not dry_run:
        _carry_out(run, member, steps, result, yes=yes)
    _print(result, [step.what for step in steps] if dry_run else None, as_json=as_json)
    if result.failed:
        raise typer.Exit(1)


def end_sessions(run: CommandContext, member: Member, mappings: "tuple[Mapping, ...]", serving_role: str) -> Result:
    """End the sessions that made a member's links, as `revoke` does, and return the result."""
    result = Result(member.user_id)
    _carry_out(run, member, _revocation(run, member, serving_role, []).sessions(mappings), result, yes=True)
    return result


def _revocation(run: CommandContext, member: Member, serving_role: str | None, assume: list[str]) -> "Revocation":
    from bot.aws.account import AwsAdmin
    from bot.aws.revocation import Revocation

    settings = run.settings
    return Revocation(
        member,
        region=settings.aws_region,
        account=AwsAdmin(region=settings.aws_region).identity().arn.split(":")[4],
        now=utc_now(),
        serving_role=serving_role,
        assumed=assume,
        external_id=settings.studio_external_id,
    )


def _steps(revocation: "Revocation", mappings: "tuple[Mapping, ...]", result: Result) -> "list[Step]":
    """Return the steps to take; add what cannot be found and what keeps running to the result."""
    steps = revocation.sessions(mappings)
    for mapping in {each.profile_key: each for each in mappings}.values():
        try:
            apps, shared = revocation.apps(mapping)
        except StudioError as error:
            result.failed.append(f"apps of {mapping.profile_name} in {mapping.domain_id}: {error}")
        else:
            steps += apps
            result.remains += shared
    return steps


def _carry_out(run: CommandContext, member: Member, steps: "list[Step]", result: Result, *, yes: bool) -> None:
    """Carry out each step, after recording the intention: without that record, end nothing."""
    question = "\n".join([*(f"would end: {step.what}" for step in steps), f"End all of this for {member.user_id}?"])
    if not console.agreed(question, yes=yes):
        raise BadInput("cancelled; nothing was ended")
    entry = changed("revoke", run.actor, member.tenant, member.user_id, utc_now(), outcome=REQUESTED)
    run.admin.audit.open(entry)
    for step in steps:
        try:
            step.end()
        except StudioError as error:
            result.failed.append(f"{step.what}: {error}")
        else:
            result.ended.append(step.what)
    after: dict[str, object] = {"ended": result.ended, "failed": result.failed}
    outcome = INCOMPLETE if result.failed else DONE
    run.admin.audit.close(replace(entry, outcome=outcome, after=after))


def _print(result: Result, planned: list[str] | None, *, as_json: bool) -> None:
    if as_json:
        console.print_json({**asdict(result), "would_end": planned})
        return
    lines = {"would end": planned or [], "ended": result.ended, "not ended": result.failed, "remains": result.remains}
    for label, texts in lines.items():
        for text in texts:
            console.print_line(f"{label}: {text}")
    if result.failed:
        console.fail(f"{len(result.failed)} could not be ended: fix what they say and run this again")
