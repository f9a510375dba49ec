"""Propose mappings by matching Slack members with SageMaker user profiles."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from bot import console
from bot.admin.bulk_import import Failure, Import
from bot.admin.sync import Account, Profile, Row, Status, plan
from bot.cli.context import CommandContext
from bot.cli.options import AsJson, Team
from bot.cli.transfer import WORKERS, compare, write
from bot.core.access import Access, Member
from bot.core.errors import BadInput, ConfigError
from bot.core.policy import ineligible_reason
from bot.core.values import DOMAIN_ID, MAX_NAME, check_pattern

if TYPE_CHECKING:
    from bot.aws.account import AwsAdmin, Place
    from bot.slack.client import SlackApi

commands = typer.Typer()


@commands.command()
def sync(
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Write the proposed mappings.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only propose, as without --apply.")] = False,
    domain: Annotated[
        list[str] | None, typer.Option(metavar="D", help="List this domain instead of all mapped ones.")
    ] = None,
    team: Team = None,
    as_json: AsJson = False,
) -> None:
    """Propose mappings by matching Slack's members with SageMaker's user profiles by e-mail.

    A profile's tag `email` names its member; without the tag, the profile's name is compared with the part of each
    address before the @. Unclear matches are listed, never guessed: several members for a profile, several profiles
    of a domain for a member, a profile that another member holds. Guests, bots and deactivated accounts are never
    matched. Mappings whose profile or member is gone are listed; sync removes nothing and allows nobody: use `allow`.

    Example: studio-links sync --domain d-abc123
    """
    if apply and dry_run:
        raise typer.BadParameter("choose one of --apply and --dry-run")
    for each in domain or []:
        check_pattern("domain", each, DOMAIN_ID, MAX_NAME, "a SageMaker domain id such as d-abc123")
    from bot.app import clients
    from bot.aws.account import AwsAdmin, Place, place_of

    run = CommandContext(team, WORKERS)
    settings = run.settings
    slack = clients.patient_slack(settings)
    stored = dict(run.admin.access.members(run.tenant))
    mapped = {place_of(mapping, settings.aws_region) for access in stored.values() for mapping in access.mappings}
    places = sorted(
        [place for place in mapped if not domain or place.domain_id in domain]
        + [Place(each, settings.aws_region) for each in domain or [] if each not in {p.domain_id for p in mapped}],
        key=str,
    )
    if not places:
        raise BadInput("nothing is mapped yet, so no domain is known: name domains with --domain")
    accounts, active = people(slack, run.tenant)
    profiles = list(_profiles(AwsAdmin(region=settings.aws_region, external_id=settings.studio_external_id), places))
    rows = plan(profiles, accounts, active, stored, frozenset(place.domain_id for place in places))
    failures: list[Failure] = []
    if apply:
        importing = Import(run.admin, run.tenant, run.actor, action="sync")
        changing, failures, _ = compare(importing, _proposed(rows))
        failures += write(importing, changing)
    _report(rows, failures, applied=apply, as_json=as_json)
    if failures:
        raise typer.Exit(1)


def people(slack: "SlackApi", tenant: str) -> tuple[list[Account], frozenset[str]]:
    """Return the accounts to match, and the ids of all full, active members."""
    accounts: list[Account] = []
    active: set[str] = set()
    for person, email in console.progress(slack.accounts(), total=None, doing="listing members"):
        if person.guest or ineligible_reason(Member(tenant, person.user_id), person) is not None:
            continue
        active.add(person.user_id)
        accounts += [Account(person.user_id, email)] if email else []
    if active and not accounts:
        raise ConfigError(
            "Slack returned no e-mail addresses: add the scope users:read.email, as in manifest.yml, and reinstall"
        )
    return accounts, frozenset(active)


def _profiles(aws: "AwsAdmin", places: "list[Place]") -> Iterator[Profile]:
    for place in places:
        yield from console.progress(aws.profiles(place), total=None, doing=f"listing {place.domain_id}")


def _proposed(rows: list[Row]) -> dict[str, Access]:
    proposed: dict[str, Access] = {}
    for row in rows:
        if row.status is Status.MAP and row.mapping is not None:
            before = proposed.get(row.members[0], Access())
            proposed[row.members[0]] = Access((*before.mappings, row.mapping))
    return proposed


def _report(rows: list[Row], failures: list[Failure], *, applied: bool, as_json: bool) -> None:
    of = {status: [row for row in rows if row.status is status] for status in Status}
    if as_json:
        console.print_json(
            {
                "applied": applied,
                "written": applied,
                "failed": failures,
                "propose": _proposed(rows),
                "mapped": len(of[Status.MAPPED]),
                "taken": [
                    {
                        "match": {"profile": row.profile, "user_id": row.members[0], "by": row.by},
                        "holder": row.members[1],
                    }
                    for row in of[Status.CONFLICT]
                ],
                "refused": [
                    {"profile": row.profile, "candidates": row.members, "why": row.why}
                    for row in of[Status.NOT_CLEAR]
                ],
                "unmatched": [row.profile for row in of[Status.NOBODY]],
                "gone": [
                    {"user_id": row.members[0], "mapping": row.mapping, "why": row.why} for row in of[Status.ORPHAN]
                ],
            }
        )
        return
    failed = {failure.principal for failure in failures}
    written = [row for row in of[Status.MAP] if row.members[0] not in failed]
    table = []
    for row in rows:
        if row.status is Status.MAPPED:
            continue
        word = row.status.value
        if row.status is Status.MAP and applied:
            word = "mapped" if row in written else "failed"
        members = row.members[:1] if row.status is Status.CONFLICT else row.members
        detail = f"as {row.mapping.alias}" if row.status is Status.MAP and row.mapping else row.why
        table.append((word, ", ".join(members) or None, row.profile.name, row.profile.domain_id, detail))
    console.print_table(["", "member", "profile", "domain", "details"], table, empty="every profile is mapped")
    for failure in failures:
        console.fail(f"{failure.principal}: {failure.why}")
    counts = {
        "mapped" if applied else "to map": len(written),
        "mapped already": len(of[Status.MAPPED]),
        "taken": len(of[Status.CONFLICT]),
        "not clear": len(of[Status.NOT_CLEAR]),
        "with nobody": len(of[Status.NOBODY]),
        "gone": len(of[Status.ORPHAN]),
    }
    todo = "" if applied or not written else ": --apply writes the mappings"
    console.print_line(", ".join(f"{count} {what}" for what, count in counts.items()) + todo)
