"""Mappings by matching Slack's members with SageMaker's profiles."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated

import typer

from bot import console
from bot.admin.bulk_import import Difference, Failure, Import
from bot.admin.matching import Account, Profile
from bot.admin.sync import Plan, plan
from bot.cli.context import CommandContext
from bot.cli.options import AsJson, Team
from bot.core.access import Member
from bot.core.errors import BadInput, ConfigError
from bot.core.policy import ineligible_reason
from bot.core.values import DOMAIN_ID, MAX_NAME, check_pattern

if TYPE_CHECKING:
    from bot.aws.account import AwsAdmin, Place
    from bot.slack.client import SlackApi

commands = typer.Typer()

WORKERS = 8


@commands.command()
def sync(
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Write what is proposed.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only propose; that is so without --apply too.")] = False,
    domain: Annotated[
        list[str] | None, typer.Option(metavar="D", help="Look at this domain instead of all that are mapped.")
    ] = None,
    team: Team = None,
    as_json: AsJson = False,
) -> None:
    """Propose mappings by matching Slack's members with SageMaker's user profiles by e-mail.

    A profile's tag `email` names its member; without the tag, the profile's name is compared with the part of each
    address before the @. What is not clear is listed and never guessed: several members for a profile, several
    profiles of a domain for a member, a profile that somebody else is mapped to. Guests, bots and deactivated
    accounts are never matched. Mappings whose profile or member is gone are listed; nothing is ever taken away, and
    nobody is allowed anything: that is for `allow`, or a user group.

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
    stored = dict(run.admin.members(run.tenant))
    mapped = {place_of(mapping, settings.aws_region) for access in stored.values() for mapping in access.mappings}
    places = sorted(
        [place for place in mapped if not domain or place.domain_id in domain]
        + [Place(each, settings.aws_region) for each in domain or [] if each not in {p.domain_id for p in mapped}],
        key=str,
    )
    if not places:
        raise BadInput("nothing is mapped yet, so no domain is known: name domains with --domain")
    accounts, active = _people(slack, run.tenant)
    profiles = list(_profiles(AwsAdmin(region=settings.aws_region, external_id=settings.studio_external_id), places))
    proposed = plan(profiles, accounts, active, stored, frozenset(place.domain_id for place in places))
    failures: list[Failure] = []
    if apply:
        importing = Import(run.admin, run.tenant, run.actor, action="sync")
        compared = list(importing.compare(dict(proposed.propose)))
        failures = [each for each in compared if isinstance(each, Failure)]
        changing = [each for each in compared if isinstance(each, Difference) and each.after]
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="sync") as pool:
            outcomes = console.progress(importing.write(changing, pool), total=len(changing), doing="writing")
            failures += [each for each in outcomes if isinstance(each, Failure)]
    _report(proposed, failures, applied=apply, as_json=as_json)
    if failures:
        raise typer.Exit(1)


def _people(slack: "SlackApi", tenant: str) -> tuple[list[Account], frozenset[str]]:
    """Who may be matched; and all full, active members, whether or not Slack tells their address."""
    accounts: list[Account] = []
    active: set[str] = set()
    for person, email in console.progress(slack.accounts(), total=None, doing="listing members"):
        if person.guest or ineligible_reason(Member(tenant, person.user_id), person) is not None:
            continue
        active.add(person.user_id)
        accounts += [Account(person.user_id, email)] if email else []
    if active and not accounts:
        raise ConfigError(
            "Slack tells no e-mail address: add the scope users:read.email as in manifest.yml, and reinstall the app"
        )
    return accounts, frozenset(active)


def _profiles(aws: "AwsAdmin", places: "list[Place]") -> Iterator[Profile]:
    for place in places:
        yield from console.progress(aws.profiles(place), total=None, doing=f"listing {place.domain_id}")


def _report(proposed: Plan, failures: list[Failure], *, applied: bool, as_json: bool) -> None:
    if as_json:
        console.print_json({"applied": applied, "failed": failures, **console.plain(proposed)})
        return
    failed = {failure.principal for failure in failures}
    rows: list[tuple[str, object, object, object, str]] = []
    for user, access in sorted(proposed.propose.items()):
        words = "failed" if user in failed else "mapped" if applied else "map"
        rows += [(words, user, m.profile_name, m.domain_id, f"as {m.alias}") for m in access.mappings]
    for taken in proposed.taken:
        profile = taken.match.profile
        rows.append(
            ("taken", taken.match.user_id, profile.name, profile.domain_id, f"{taken.holder} is mapped to it")
        )
    for each in proposed.refused:
        rows.append(("not clear", ", ".join(each.candidates), each.profile.name, each.profile.domain_id, each.why))
    rows += [("nobody", None, profile.name, profile.domain_id, "no member fits") for profile in proposed.unmatched]
    for gone in proposed.gone:
        rows.append(("gone", gone.user_id, gone.mapping.profile_name, gone.mapping.domain_id, gone.why))
    console.print_table(["", "member", "profile", "domain", "details"], rows, empty="every profile is mapped")
    for failure in failures:
        console.fail(f"{failure.principal}: {failure.why}")
    number = sum(len(access.mappings) for user, access in proposed.propose.items() if user not in failed)
    counts = {
        "mapped" if applied else "to map": number,
        "mapped already": proposed.mapped,
        "taken": len(proposed.taken),
        "not clear": len(proposed.refused),
        "with nobody": len(proposed.unmatched),
        "gone": len(proposed.gone),
    }
    todo = "" if applied or not number else ": --apply writes what is to map"
    console.print_line(", ".join(f"{count} {what}" for what, count in counts.items()) + todo)
