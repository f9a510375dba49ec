"""Who lives in the demo's workspace, what AWS knows of them, and what they have said so far."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3

from bot.app import administration, clients
from bot.config import Settings
from bot.core.access import Effect, Grant, Mapping, Member
from bot.core.link import Source
from bot.core.records import Actor
from bot.local.slack.people import Channel
from bot.local.slack.workspace import GENERAL, Workspace
from bot.store import tables as table_admin

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

DOMAIN_NAME = "research"
SANDBOX_NAME = "sandbox"
SPACE = "falcon"
DATA_SCIENCE, RANDOM = "C0DATASCI01", "C0RANDOM001"
SCIENTISTS = "S0DATASCI"
SEEDER = Actor("cli:demo", Source.CLI)


@dataclass(frozen=True, slots=True)
class Resident:
    """One member of the demo: who they are in Slack, and what is stored about them.

    Attributes:
        mapped: whether a profile of their name in the first domain is theirs, as "default".
        many: whether they have several mappings instead, in both domains and to a shared space.
        scientist: whether they are in the user group that is allowed.
    """

    name: str
    user_id: str
    story: str
    mapped: bool = True
    many: bool = False
    effect: Effect | None = None
    guest: bool = False
    admin: bool = False
    scientist: bool = False


RESIDENTS = (
    Resident("ana", "U0ANA", "has a profile and is allowed", effect=Effect.ALLOW),
    Resident("maya", "U0MAYA", "has several profiles and is allowed", many=True, effect=Effect.ALLOW),
    Resident("ben", "U0BEN", "has a profile but is not on the allow-list"),
    Resident("cleo", "U0CLEO", "has a profile but is denied", effect=Effect.DENY),
    Resident("dan", "U0DAN", "has nothing yet", mapped=False),
    Resident("eve", "U0EVE", "has a profile and is allowed through a group", scientist=True),
    Resident("gus", "U0GUS", "is a guest of the workspace", effect=Effect.ALLOW, guest=True),
    Resident("ada", "U0ADA", "administers, and is allowed", effect=Effect.ALLOW, admin=True),
)
ADMINS = tuple(resident for resident in RESIDENTS if resident.admin)

SAID = (
    (GENERAL, "U0ADA", "Studio links is installed. Type `/studio` and you get a *private* link to SageMaker Studio."),
    (GENERAL, "U0MAYA", "Just tried it. Only I saw the link, and after a minute it had stopped working."),
    (GENERAL, "U0ADA", "That is how it should be. If it refuses you, it says why: tell me."),
    (DATA_SCIENCE, "U0MAYA", "Has anybody opened the _falcon_ space today?"),
    (DATA_SCIENCE, "U0ANA", "Not yet. Does `/studio` work in here? The bot is not in this channel."),
    (DATA_SCIENCE, "U0MAYA", "It does: Slack gives it a way to answer whoever typed."),
    (RANDOM, "U0BEN", "Lunch at 12:30?"),
)


def seed(settings: Settings, workspace: Workspace) -> str:
    """Create the tables, the SageMaker domains with profiles, the accounts, mappings and rules.

    Everything goes through the same code as an operator's commands. Returns the first domain's id.
    """
    for _ in table_admin.create(clients.tables(settings)):
        pass
    sagemaker = boto3.client("sagemaker", region_name=settings.aws_region)
    domain_id, sandbox_id = _create_domain(sagemaker, DOMAIN_NAME), _create_domain(sagemaker, SANDBOX_NAME)
    admin, team = administration.admin(settings), workspace.installation.team_id
    for resident in RESIDENTS:
        title = resident.story[0].upper() + resident.story[1:]
        workspace.add_member(resident.user_id, resident.name, title=title, guest=resident.guest, admin=resident.admin)
        mappings = _mappings(resident, domain_id, sandbox_id)
        _create_profiles(sagemaker, resident, mappings, domain_id)
        for mapping in mappings:
            admin.map(Member(team, resident.user_id), mapping, SEEDER)
        if resident.effect is not None:
            admin.grant(team, Grant(resident.user_id, resident.effect), SEEDER)
    workspace.add_group(SCIENTISTS, "data-science", *(one.user_id for one in RESIDENTS if one.scientist))
    admin.grant(team, Grant(SCIENTISTS, Effect.ALLOW, reason="all data scientists"), SEEDER)
    _furnish(workspace)
    return domain_id


def _create_domain(sagemaker: "SageMakerClient", name: str) -> str:
    arn = sagemaker.create_domain(
        DomainName=name,
        AuthMode="IAM",
        DefaultUserSettings={"ExecutionRole": "arn:aws:iam::123456789012:role/studio"},
        SubnetIds=["subnet-1"],
        VpcId="vpc-1",
    )["DomainArn"]
    return arn.rpartition("/")[2]


def _mappings(resident: Resident, domain_id: str, sandbox_id: str) -> list[Mapping]:
    if resident.many:
        return [
            Mapping("prod", domain_id, resident.name),
            Mapping("sandbox", sandbox_id, resident.name),
            Mapping("falcon", domain_id, resident.name, space_name=SPACE),
        ]
    return [Mapping("default", domain_id, resident.name)] if resident.mapped else []


def _create_profiles(
    sagemaker: "SageMakerClient", resident: Resident, mappings: list[Mapping], domain_id: str
) -> None:
    """The resident's profile in each domain that is theirs, and the space where there is one.

    Everybody has one in the first domain, so that an administrator can give it to those who are not mapped to it.
    """
    for each in {domain_id, *(mapping.domain_id for mapping in mappings)}:
        sagemaker.create_user_profile(DomainId=each, UserProfileName=resident.name)
    for mapping in mappings:
        if mapping.space_name is not None:
            sagemaker.create_space(
                DomainId=mapping.domain_id,
                SpaceName=mapping.space_name,
                OwnershipSettings={"OwnerUserProfileName": resident.name},
                SpaceSharingSettings={"SharingType": "Shared"},
            )


def _furnish(workspace: Workspace) -> None:
    """Channels, conversations, and a few words in them. The bot is in #general alone."""
    full_members = frozenset(resident.user_id for resident in RESIDENTS if not resident.guest)
    workspace.set_topic(GENERAL, "Everybody is here, and the bot")
    workspace.add_channel(
        Channel(DATA_SCIENCE, "data-science", full_members, topic="The bot is not a member here; its command works")
    )
    workspace.add_channel(Channel(RANDOM, "random", full_members, topic="Anything else"))
    for resident in RESIDENTS:
        workspace.direct_message(resident.user_id)
        peer = RESIDENTS[0] if resident.admin else ADMINS[0]
        workspace.direct_message(resident.user_id, peer.user_id)
    for channel, author, text in SAID:
        workspace.say(author, text, channel=channel)
