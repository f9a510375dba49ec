"""Print the IAM policy that the bot or its administrators need."""

import re
from ipaddress import ip_network
from typing import Annotated

import typer

from bot import console
from bot.aws.iam_policy import Role, Scope, policy
from bot.cli.context import CommandContext
from bot.cli.options import Team
from bot.core.errors import ConfigError
from bot.core.values import DOMAIN_ID, MAX_NAME, InvalidValue, check_pattern

commands = typer.Typer()

VPCE = re.compile(r"vpce-[0-9a-z]{1,32}")
ACCOUNT = re.compile(r"[0-9]{12}")


@commands.command("iam-policy")
def iam_policy(
    *,
    role: Annotated[
        Role,
        typer.Option(metavar="ROLE", help="For the bot's role (serving), or the administrators' (administration)."),
    ] = Role.SERVING,
    domain: Annotated[
        list[str] | None, typer.Option(metavar="D", help="Include this domain in addition to the mapped ones.")
    ] = None,
    account: Annotated[str | None, typer.Option(metavar="N", help="The AWS account, if STS cannot tell.")] = None,
    administers_in_slack: Annotated[
        bool,
        typer.Option("--administers-in-slack", help="Let the bot change access when administrators ask in Slack."),
    ] = False,
    source_ip: Annotated[
        list[str] | None, typer.Option(metavar="CIDR", help="Links work only from these addresses.")
    ] = None,
    source_vpce: Annotated[
        list[str] | None, typer.Option(metavar="VPCE", help="Links work only through these VPC endpoints.")
    ] = None,
    team: Team = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, as always.")] = True,  # noqa: ARG001 - every reader takes it
) -> None:
    """Print the least-privilege policy for the current mappings, as JSON.

    For a mapping with a role, the policy only allows assuming it: the role's own policy and trust belong to its
    account. STUDIO_ADMINS implies --administers-in-slack.

    --source-ip and --source-vpce limit where links can be created and used (aws:SourceIp, aws:SourceVpce). AWS checks
    them when the bot creates a link and for every request of the Studio session, so they must include the bot and the
    members' browsers. A request through a VPC endpoint has no public address, so with both options either is enough.
    https://docs.aws.amazon.com/sagemaker/latest/dg/studio-interface-endpoint.html

    Example: studio-links iam-policy --role administration > policy.json
    """
    from bot.aws import secret_refs as references
    from bot.config import secret_references

    run = CommandContext(team)
    settings = run.settings
    for each in domain or []:
        check_pattern("domain", each, DOMAIN_ID, MAX_NAME, "a SageMaker domain id such as d-abc123")
    for each in source_ip or []:
        try:
            ip_network(each)
        except ValueError:
            raise InvalidValue("source ip", each, "an address or range such as 203.0.113.0/24") from None
    for each in source_vpce or []:
        check_pattern("source vpce", each, VPCE, 37, "the id of a VPC endpoint such as vpce-0123abcd")
    partition, number = _account(account, settings.aws_region)
    mappings = [mapping for _, access in run.admin.access.members(run.tenant) for mapping in access.mappings]
    scope = Scope(
        partition=partition,
        account=number,
        region=settings.aws_region,
        table_prefix=settings.studio_table_prefix,
        domains=frozenset(
            [
                (mapping.region or settings.aws_region, mapping.domain_id)
                for mapping in mappings
                if not mapping.role_arn
            ]
            + [(settings.aws_region, each) for each in domain or []]
        ),
        secrets=frozenset(
            references.arn(each, partition=partition, region=settings.aws_region, account=number)
            for each in secret_references()
        ),
        broker_roles=frozenset(mapping.role_arn for mapping in mappings if mapping.role_arn),
        administers_in_slack=administers_in_slack or bool(settings.studio_admins),
        source_ips=tuple(source_ip or ()),
        source_vpces=tuple(source_vpce or ()),
    )
    if not scope.domains and not scope.broker_roles:
        console.warn("nothing is mapped yet, so no domain is in this policy: name domains with --domain")
    console.print_json(policy(role, scope))


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
