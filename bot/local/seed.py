"""Who lives in the demo's workspace, and what AWS knows of them."""

from dataclasses import dataclass

import boto3

from bot import app
from bot.admin import Actor
from bot.config import Settings
from bot.local.workspace import Workspace
from bot.model import Door, Effect, Grant, Mapping, Member
from bot.store import tables as table_admin

DOMAIN_NAME = "research"
SEEDER = Actor("cli:demo", Door.CLI)


@dataclass(frozen=True, slots=True)
class Resident:
    """One member of the demo: who they are in Slack, and what is stored about them."""

    name: str
    user_id: str
    story: str
    profile: str | None = None
    effect: Effect | None = None
    guest: bool = False


RESIDENTS = (
    Resident("ana", "U0ANA", "has a profile and is allowed", "ana", Effect.ALLOW),
    Resident("ben", "U0BEN", "has a profile but is not on the allow-list", "ben"),
    Resident("cleo", "U0CLEO", "has a profile but is denied", "cleo", Effect.DENY),
    Resident("dan", "U0DAN", "has nothing yet"),
    Resident("gus", "U0GUS", "is a guest of the workspace", "gus", Effect.ALLOW, guest=True),
)


def seed(settings: Settings, workspace: Workspace) -> str:
    """Create the tables, a SageMaker domain with profiles, the accounts, mappings and rules; return the domain's id.

    Everything goes through the same code as an operator's commands.
    """
    for _ in table_admin.create(app.tables(settings)):
        pass
    sagemaker = boto3.client("sagemaker", region_name=settings.aws_region)
    arn = sagemaker.create_domain(
        DomainName=DOMAIN_NAME,
        AuthMode="IAM",
        DefaultUserSettings={"ExecutionRole": "arn:aws:iam::123456789012:role/studio"},
        SubnetIds=["subnet-1"],
        VpcId="vpc-1",
    )["DomainArn"]
    domain_id = arn.rpartition("/")[2]
    admin, team = app.administration(settings), workspace.installation.team_id
    for resident in RESIDENTS:
        workspace.add_member(resident.user_id, resident.name, guest=resident.guest)
        if resident.profile is not None:
            sagemaker.create_user_profile(DomainId=domain_id, UserProfileName=resident.profile)
            mapping = Mapping("default", domain_id, resident.profile)
            admin.map(Member(team, resident.user_id), mapping, SEEDER)
        if resident.effect is not None:
            admin.grant(team, Grant(resident.user_id, resident.effect), SEEDER)
    return domain_id
