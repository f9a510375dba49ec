"""Print the IAM policy of the bot, or of the people who run it."""

import re
from dataclasses import replace
from ipaddress import ip_network
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot import console
from bot.aws.iam_policy import MAX_MANAGED_POLICY, Role, policy, size
from bot.aws.iam_scope import TAG, TAG_VALUE, Scope, profile_arn
from bot.cli.context import CommandContext
from bot.cli.options import KmsKey, ServingRole, Team
from bot.core.errors import ConfigError, StoreError
from bot.core.values import DOMAIN_ID, MAX_NAME, InvalidValue, check_pattern

if TYPE_CHECKING:
    from bot.core.access import Mapping

commands = typer.Typer()

VPCE = re.compile(r"vpce-[0-9a-z]{1,32}")
ACCOUNT = re.compile(r"[0-9]{12}")
BOT_TOKEN = "SLACK_BOT_TOKEN"  # noqa: S105 - the variable's name


@commands.command("iam-policy")
def iam_policy(
    *,
    role: Annotated[
        Role,
        typer.Option(
            metavar="ROLE",
            help="For the bot (serving), its administrators (administration), `tables create` (setup), `revoke` "
            "(revocation), or what `erase` needs beside administration (erasure).",
        ),
    ] = Role.SERVING,
    domain: Annotated[
        list[str] | None,
        typer.Option(metavar="D", help="Include this domain with all its profiles, in addition to the mapped ones."),
    ] = None,
    account: Annotated[str | None, typer.Option(metavar="N", help="The AWS account, if STS cannot tell.")] = None,
    administers_in_slack: Annotated[
        bool,
        typer.Option("--administers-in-slack", help="Let the bot change access when administrators ask in Slack."),
    ] = False,
    running: Annotated[
        bool, typer.Option("--running", help="Let members and administrators see, stop and start apps in Studio.")
    ] = False,
    pick_lists: Annotated[
        bool, typer.Option("--pick-lists", help="Let administrators pick domains and profiles from lists in Slack.")
    ] = False,
    by_tag: Annotated[
        bool,
        typer.Option("--by-tag", help=f"Let the bot open the profiles tagged {TAG}={TAG_VALUE}; don't name them."),
    ] = False,
    source_ip: Annotated[
        list[str] | None, typer.Option(metavar="CIDR", help="Links work only from these addresses.")
    ] = None,
    source_vpce: Annotated[
        list[str] | None, typer.Option(metavar="VPCE", help="Links work only through these VPC endpoints.")
    ] = None,
    provisions: Annotated[
        bool,
        typer.Option(
            "--provisions", help="Let it make profiles from the STUDIO_PROFILE_TEMPLATE_<domain> variables."
        ),
    ] = False,
    offboards: Annotated[
        bool, typer.Option("--offboards", help="Let it delete apps, spaces and profiles of members who leave.")
    ] = False,
    kms_key: KmsKey = None,
    serving_role: ServingRole = None,
    team: Team = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, as always.")] = True,  # noqa: ARG001 - every reader takes it
) -> None:
    """Print the least-privilege policy of a role, as JSON.

    The bot's policy names the mapped profiles: print it again after `map`. If they don't fit, or with --by-tag, it
    allows those profiles of the mapped domains that have the tag studio-links=yes. For a mapping with a role, the
    policy only allows assuming it: the role's own policy and trust belong to its account. STUDIO_ADMINS implies
    --administers-in-slack.

    --source-ip and --source-vpce limit where links can be created and used (aws:SourceIp, aws:SourceVpce). AWS checks
    them when the bot creates a link and for every request of the Studio session, so they must include the bot and the
    members' browsers. A request through a VPC endpoint has no public address, so with both options either is enough.
    https://docs.aws.amazon.com/sagemaker/latest/dg/studio-interface-endpoint.html

    With --provisions, the role may make profiles and spaces in the domains that have a template, pass the templates'
    execution roles to SageMaker and to nothing else, and open what it made. With --offboards, it may delete apps,
    spaces and profiles in the mapped domains. Without them, it may do neither.

    Example: studio-links iam-policy --role administration > policy.json
    """
    run = CommandContext(team)
    settings, domains = run.settings, tuple(domain or ())
    _check(domains, source_ip or [], source_vpce or [])
    if pick_lists and role is not Role.SERVING:
        raise typer.BadParameter("--pick-lists goes with --role serving")
    if (running or provisions or offboards) and role not in (Role.SERVING, Role.ADMINISTRATION):
        raise typer.BadParameter("--running, --provisions and --offboards go with --role serving or administration")
    templates = settings.profile_templates.values() if provisions else ()
    if provisions and not templates:
        console.warn(
            "no domain has a template, so this policy makes no profiles: set STUDIO_PROFILE_TEMPLATE_<domain>"
        )
    partition, number = _account(account, settings.aws_region)
    of_tables = role in (Role.SETUP, Role.ERASURE)
    mappings = [] if of_tables else _mappings(run, named=bool(domains))
    # A person who revokes reaches domains of this account with their own role, not with the mapping's.
    here = f":{number}:" if role is Role.REVOCATION else None
    own = [each for each in mappings if not each.role_arn or (here and here in each.role_arn)]
    open_domains = frozenset((settings.aws_region, each) for each in domains)
    scope = Scope(
        partition=partition,
        account=number,
        region=settings.aws_region,
        table_prefix=settings.studio_table_prefix,
        profiles=frozenset(profile_arn(each, partition, each.region or settings.aws_region, number) for each in own),
        domains=open_domains | {(mapping.region or settings.aws_region, mapping.domain_id) for mapping in own},
        open_domains=open_domains,
        secrets=_secrets(role, partition, settings.aws_region, number),
        broker_roles=frozenset(mapping.role_arn for mapping in mappings if mapping.role_arn),
        administers_in_slack=administers_in_slack or bool(settings.studio_admins),
        runs=running,
        picks=pick_lists,
        by_tag=by_tag,
        source_ips=tuple(source_ip or ()),
        source_vpces=tuple(source_vpce or ()),
        kms_key=kms_key,
        serving_role=serving_role,
        template_domains=frozenset((each.region or settings.aws_region, each.domain_id) for each in templates),
        template_roles=frozenset(each.role_arn for each in templates),
        offboards=offboards,
    )
    if role is Role.REVOCATION and serving_role is None:
        console.warn("name the bot's role with --serving-role, to end the sessions of links that it made")
    if not of_tables and not (scope.domains or scope.broker_roles or scope.template_domains):
        console.warn("nothing is mapped yet, so no domain is in this policy: name domains with --domain")
    console.print_json(_fitting(scope) if role is Role.SERVING else policy(role, scope))


def _check(domains: tuple[str, ...], source_ips: list[str], source_vpces: list[str]) -> None:
    for each in domains:
        check_pattern("domain", each, DOMAIN_ID, MAX_NAME, "a SageMaker domain id such as d-abc123")
    for each in source_ips:
        try:
            ip_network(each)
        except ValueError:
            raise InvalidValue("source ip", each, "an address or range such as 203.0.113.0/24") from None
    for each in source_vpces:
        check_pattern("source vpce", each, VPCE, 37, "the id of a VPC endpoint such as vpce-0123abcd")


def _mappings(run: CommandContext, *, named: bool) -> "list[Mapping]":
    """Return every mapping; none if the tables cannot be read and domains are named instead."""
    try:
        return [mapping for _, access in run.admin.access.members(run.tenant) for mapping in access.mappings]
    except StoreError as error:
        if not named:
            raise ConfigError(
                f"{error}; to print a policy without the tables, name the domains with --domain"
            ) from None
        console.warn(f"the mappings are not in this policy: {error}")
        return []


def _secrets(role: Role, partition: str, region: str, account: str) -> frozenset[str]:
    """Return the ARNs of the secrets that a role reads. Administrators read the bot token alone."""
    from bot.aws import secret_refs as references
    from bot.config import SECRET, secret_references

    def arns(names: set[str]) -> frozenset[str]:
        return frozenset(
            references.arn(each, partition=partition, region=region, account=account)
            for each in secret_references(names)
        )

    if role is Role.SERVING:
        return arns(SECRET)
    shared = arns({BOT_TOKEN}) & arns(SECRET - {BOT_TOKEN})
    if shared:
        console.warn(
            f"{', '.join(sorted(shared))} also holds the signing secret or the app-level token, so it is not in this "
            "policy: move the bot token to a secret of its own"
        )
    return arns({BOT_TOKEN}) - shared


def _fitting(scope: Scope) -> dict[str, Any]:
    """Return the bot's policy, by tag if the names of the profiles don't fit; say what that needs."""
    document = policy(Role.SERVING, scope)
    if size(document) > MAX_MANAGED_POLICY and not scope.by_tag:
        console.warn(f"{len(scope.profiles)} profiles don't fit into a policy of {MAX_MANAGED_POLICY} characters")
        scope = replace(scope, by_tag=True)
        document = policy(Role.SERVING, scope)
    if scope.by_tag:
        tag = f"aws sagemaker add-tags --resource-arn PROFILE_ARN --tags Key={TAG},Value={TAG_VALUE}"
        console.warn(f"the bot can open only profiles with a tag: {tag}")
    elif scope.open_domains:
        named = ", ".join(sorted(domain for _, domain in scope.open_domains))
        advice = "map members and print it without --domain, or use --by-tag"
        console.warn(f"this lets the bot open every profile of {named}: {advice}")
    return document


def _account(given: str | None, region: str) -> tuple[str, str]:
    """Return the partition and the account; ConfigError if they are unknown."""
    from bot.aws.account import caller_arn
    from bot.aws.client import partition_of

    arn = caller_arn(region)
    if given is not None:
        check_pattern("account", given, ACCOUNT, 12, "the twelve digits of an AWS account")
        return (arn.split(":")[1] if arn else partition_of(region) or "aws"), given
    if arn is None:
        raise ConfigError("STS does not say which AWS account this is: name it with --account 123456789012")
    return arn.split(":")[1], arn.split(":")[4]
