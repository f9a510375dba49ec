"""Propose mappings by matching Slack members with SageMaker user profiles."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from bot import console
from bot.admin.bulk_import import Failure, Import
from bot.admin.sync import Account, Profile, Row, Status, plan, usual_domains
from bot.cli.context import CommandContext
from bot.cli.options import AsJson, Team, Yes
from bot.cli.transfer import WORKERS, compare, write
from bot.core.access import Access, Mapping, Member
from bot.core.apps import Inventory
from bot.core.errors import BadInput, ConfigError, StudioError
from bot.core.policy import ineligible_reason
from bot.core.values import DOMAIN_ID, MAX_NAME, check_pattern, utc_now
from bot.workspaces.reconcile import Leftover, leftovers

if TYPE_CHECKING:
    from bot.aws.account import AwsAdmin, Place
    from bot.slack.client import SlackApi

commands = typer.Typer()


@commands.command()
def sync(
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Write the proposed mappings.")] = False,
    yes: Yes = False,
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
    of a domain for a member, a profile that another member holds, an address that only resembles the name.
    Guests, bots, deactivated accounts and addresses outside STUDIO_EMAIL_DOMAINS are never matched; without that
    variable, the domain counts that most members have. Compare names and addresses before you apply: in many
    workspaces, members can change their own address. Mappings whose profile or member is gone are listed; sync
    removes nothing and allows nobody: use `allow`.
    It also lists what AWS has and nobody holds: profiles without a mapping, and the spaces and apps of such profiles,
    of members who are gone, and of blocked ones. Spaces and apps take a role that may list them, such as with
    `iam-policy --offboards`.

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
    domains = _email_domains(accounts, settings.studio_email_domains)
    profiles = list(_profiles(AwsAdmin(region=settings.aws_region, external_id=settings.studio_external_id), places))
    rows = plan(profiles, accounts, active, stored, frozenset(place.domain_id for place in places), domains=domains)
    left = leftovers(profiles, _inventories(run, places), stored, active, utc_now())
    report = Report(rows, {account.user_id: account for account in accounts}, domains, left)
    failures: list[Failure] = []
    if apply:
        if not yes and console.is_terminal() and report.proposed:
            report.print_rows(failures, applied=False)
            if not console.confirm("Write these mappings?"):
                raise BadInput("nothing was written")
        importing = Import(run.admin, run.tenant, run.actor, action="sync")
        changing, failures, _ = compare(importing, report.proposed)
        failures += write(run, importing, changing)
    if as_json:
        report.print_json(failures, applied=apply)
    else:
        report.print_rows(failures, applied=apply)
    if failures:
        raise typer.Exit(1)


def people(slack: "SlackApi", tenant: str) -> tuple[list[Account], frozenset[str]]:
    """Return the accounts with an address, and the ids of all full, active members."""
    accounts: list[Account] = []
    active: set[str] = set()
    for person in console.progress(slack.accounts(), doing="listing members"):
        why = "a guest" if person.guest else ineligible_reason(Member(tenant, person.user_id), person)
        active |= {person.user_id} if why is None else set()
        accounts += [Account(person.user_id, person.email, person.name, why)] if person.email else []
    if active and not accounts:
        raise ConfigError(
            "Slack returned no e-mail addresses: add the scope users:read.email, as in manifest.yml, and reinstall"
        )
    return accounts, frozenset(active)


def _email_domains(accounts: list[Account], own: tuple[str, ...]) -> frozenset[str]:
    """Return the domains whose addresses are matched; ConfigError if they are neither set nor clear."""
    domains = frozenset(own) or usual_domains(accounts)
    if not domains:
        raise ConfigError(
            "it is not clear which e-mail domains are yours: set STUDIO_EMAIL_DOMAINS, such as example.com"
        )
    if not own:
        console.warn(f"only addresses at {min(domains)} count, which most members have: set STUDIO_EMAIL_DOMAINS")
    return domains


def _inventories(run: CommandContext, places: "list[Place]") -> dict[str, Inventory]:
    """Return the spaces and apps of each domain; say of which AWS does not list them."""
    from bot.app import clients
    from bot.aws.apps import StudioApps

    apps, found = StudioApps(clients.studio(run.settings, connections=1)), {}
    for place in places:
        where = Mapping("default", place.domain_id, "nobody", region=place.region, role_arn=place.role_arn)
        try:
            found[place.domain_id] = apps.inventory(where)
        except StudioError as error:
            console.warn(f"spaces and apps of {place.domain_id} are unknown: {error}")
    return found


def _profiles(aws: "AwsAdmin", places: "list[Place]") -> Iterator[Profile]:
    for place in places:
        yield from console.progress(aws.profiles(place), doing=f"listing {place.domain_id}")


@dataclass(frozen=True, slots=True)
class Report:
    """The plan, and how it is shown.

    Attributes:
        people: the accounts with an address, by id.
        domains: the e-mail domains whose addresses are matched.
        left: what AWS has and nobody holds.
    """

    rows: list[Row]
    people: dict[str, Account]
    domains: frozenset[str]
    left: list[Leftover]

    @property
    def proposed(self) -> dict[str, Access]:
        """Return each member's mappings to write."""
        proposed: dict[str, Access] = {}
        for row in self.rows:
            if row.status is Status.MAP and row.mapping is not None:
                before = proposed.get(row.members[0], Access())
                proposed[row.members[0]] = Access((*before.mappings, row.mapping))
        return proposed

    def of(self, *statuses: Status) -> list[Row]:
        """Return the rows of a status."""
        return [row for row in self.rows if row.status in statuses]

    def print_json(self, failures: list[Failure], *, applied: bool) -> None:
        named = sorted({user for row in self.rows for user in row.members} & self.people.keys())
        console.print_json(
            {
                "applied": applied,
                "written": applied,
                "failed": failures,
                "email_domains": sorted(self.domains),
                "people": [
                    {"user_id": user, "name": self.people[user].name, "email": self.people[user].email}
                    for user in named
                ],
                "propose": self.proposed,
                "matched_by": {row.members[0]: row.by for row in self.of(Status.MAP)},
                "mapped": len(self.of(Status.MAPPED)),
                "taken": [
                    {
                        "match": {"profile": row.profile, "user_id": row.members[0], "by": row.by},
                        "holder": row.members[1],
                    }
                    for row in self.of(Status.CONFLICT)
                ],
                "refused": [
                    {"profile": row.profile, "candidates": row.members, "why": row.why}
                    for row in self.of(Status.NOT_CLEAR)
                ],
                "skipped": [
                    {"profile": row.profile, "candidates": row.members, "why": row.why}
                    for row in self.of(Status.SKIPPED)
                ],
                "unmatched": [row.profile for row in self.of(Status.NOBODY, Status.SKIPPED)],
                "left": self.left,
                "gone": [
                    {"user_id": row.members[0], "mapping": row.mapping, "why": row.why}
                    for row in self.of(Status.ORPHAN)
                ],
            }
        )

    def print_rows(self, failures: list[Failure], *, applied: bool) -> None:
        """Print a table with everybody's name and address, and the numbers."""
        failed = {failure.principal for failure in failures}
        written = [row for row in self.of(Status.MAP) if row.members[0] not in failed]
        table = []
        for row in self.rows:
            if row.status is Status.MAPPED:
                continue
            word = row.status.value
            if row.status is Status.MAP and applied:
                word = "mapped" if row in written else "failed"
            members = row.members[:1] if row.status is Status.CONFLICT else row.members
            detail = f"as {row.mapping.alias}, by {row.by}" if row.status is Status.MAP and row.mapping else row.why
            known = [self.people[user] for user in members if user in self.people]
            who = ", ".join(f"{account.name} <{account.email}>" for account in known)
            table.append((word, ", ".join(members) or None, row.profile.name, row.profile.domain_id, detail, who))
        columns = ["", "member", "profile", "domain", "details", "name and address"]
        console.print_table(columns, table, empty="every profile is mapped")
        for failure in failures:
            console.fail(f"{failure.principal}: {failure.why}")
        for each in self.left:
            console.warn(
                f"{each.kind} {each.name} in {each.domain_id}: {each.why}{f' ({each.user})' if each.user else ''}"
            )
        counts = {
            "mapped" if applied else "to map": len(written),
            "mapped already": len(self.of(Status.MAPPED)),
            "taken": len(self.of(Status.CONFLICT)),
            "not clear": len(self.of(Status.NOT_CLEAR)),
            "skipped": len(self.of(Status.SKIPPED)),
            "with nobody": len(self.of(Status.NOBODY)),
            "gone": len(self.of(Status.ORPHAN)),
        }
        todo = "" if applied or not written else ": --apply writes the mappings"
        console.print_line(", ".join(f"{count} {what}" for what, count in counts.items()) + todo)
