"""The members of the demo's workspace, their profiles and rules, and the first messages."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import boto3

from bot.admin.changes import Admin
from bot.config import Settings
from bot.core.access import Effect, Grant, Mapping, Member
from bot.core.link import Source
from bot.core.records import Actor
from bot.core.values import utc_now
from bot.local.slack.people import Channel
from bot.local.slack.workspace import GENERAL, Workspace

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

DOMAIN_NAME = "research"
SANDBOX_NAME = "sandbox"
ROLE = "arn:aws:iam::123456789012:role/studio"
# What new profiles in the first domain get, and the size of a private space.
NEW_SPACE: Final = "ml.t3.medium"
TEMPLATE = f"role={ROLE},instances={NEW_SPACE}"
SPACE = "falcon"
# What a member has left running: an instance, and for how long.
LEFT_RUNNING: Final = "ml.g5.xlarge"
LEFT_HOURS = 14
DATA_SCIENCE, RANDOM = "C0DATASCI01", "C0RANDOM001"
SCIENTISTS = "S0DATASCI"
SEEDER = Actor("cli:demo", Source.CLI)


@dataclass(frozen=True, slots=True)
class DemoMember:
    """One member of the demo, with what is stored about them."""

    name: str
    user_id: str
    story: str
    mapped: bool = True  # to the profile of their name in the first domain, as "default"
    lab: str = ""  # a private space of theirs, where JupyterLab runs
    email: str = ""  # a new profile of theirs takes its name from it
    many: bool = False  # several mappings instead, in both domains and to a shared space
    effect: Effect | None = None
    guest: bool = False
    admin: bool = False
    scientist: bool = False  # in the user group that is allowed


# The first three play the page's tour.
MEMBERS = (
    DemoMember("ana", "U0ANA", "has a profile and is allowed", lab="ana-lab", effect=Effect.ALLOW),
    DemoMember("ben", "U0BEN", "has a profile but is not on the allow-list"),
    DemoMember("ada", "U0ADA", "administers, and is allowed", effect=Effect.ALLOW, admin=True),
    DemoMember("maya", "U0MAYA", "has several profiles and is allowed", many=True, effect=Effect.ALLOW),
    DemoMember("cleo", "U0CLEO", "has a profile but is denied", effect=Effect.DENY),
    DemoMember("dan", "U0DAN", "has nothing yet", mapped=False, email="dan.brown@example.com"),
    DemoMember("eve", "U0EVE", "has a profile and is allowed through a group", scientist=True),
    DemoMember("gus", "U0GUS", "is a guest of the workspace", effect=Effect.ALLOW, guest=True),
    DemoMember("bea", "U0BEA", "administers as well, and agrees where two have to", mapped=False, admin=True),
)
ADMINS = tuple(member for member in MEMBERS if member.admin)

MESSAGES = (
    (GENERAL, "U0ADA", "Studio links is installed. Type `/studio` and you get a *private* link to SageMaker Studio."),
    (GENERAL, "U0MAYA", "Just tried it. Only I saw the link, and it expired after a minute."),
    (GENERAL, "U0ADA", "Good. If it refuses you, it says why. Let me know then."),
    (DATA_SCIENCE, "U0MAYA", "Has anybody opened the _falcon_ space today?"),
    (DATA_SCIENCE, "U0ANA", "Not yet. Does `/studio` work in here? The bot isn't in this channel."),
    (DATA_SCIENCE, "U0MAYA", "It does: Slack lets it answer the member who typed the command."),
    (RANDOM, "U0BEN", "Lunch at 12:30?"),
)


def seed(settings: Settings, workspace: Workspace, admin: Admin) -> str:
    """Create everything with the code of the operator's commands, and return the first domain's id."""
    sagemaker = boto3.client("sagemaker", region_name=settings.aws_region)
    domain_id, sandbox_id = create_domain(sagemaker, DOMAIN_NAME), create_domain(sagemaker, SANDBOX_NAME)
    team = workspace.installation.team_id
    noon = (12 - utc_now().hour) * 3600  # it is day for everyone, so that reminders come at any time
    for member in MEMBERS:
        title = member.story[0].upper() + member.story[1:]
        traits = {
            "title": title,
            "guest": member.guest,
            "admin": member.admin,
            "tz_offset": noon,
            "email": member.email,
        }
        workspace.add_member(member.user_id, member.name, **traits)
        mappings = _mappings(member, domain_id, sandbox_id)
        _create_profiles(sagemaker, member, mappings, domain_id)
        if member.lab:
            _leave_running(sagemaker, member, domain_id)
        for mapping in mappings:
            admin.map(Member(team, member.user_id), mapping, SEEDER)
        if member.effect is not None:
            admin.grant(team, Grant(member.user_id, member.effect), SEEDER)
    workspace.add_group(SCIENTISTS, "data-science", *(one.user_id for one in MEMBERS if one.scientist))
    admin.grant(team, Grant(SCIENTISTS, Effect.ALLOW, reason="all data scientists"), SEEDER)
    _furnish(workspace)
    return domain_id


def create_domain(sagemaker: "SageMakerClient", name: str) -> str:
    arn = sagemaker.create_domain(
        DomainName=name,
        AuthMode="IAM",
        DefaultUserSettings={"ExecutionRole": ROLE},
        SubnetIds=["subnet-1"],
        VpcId="vpc-1",
    )["DomainArn"]
    return arn.rpartition("/")[2]


def _mappings(member: DemoMember, domain_id: str, sandbox_id: str) -> list[Mapping]:
    if member.many:
        return [
            Mapping("prod", domain_id, member.name),
            Mapping("sandbox", sandbox_id, member.name),
            Mapping("falcon", domain_id, member.name, space_name=SPACE),
        ]
    return [Mapping("default", domain_id, member.name)] if member.mapped else []


def _create_profiles(
    sagemaker: "SageMakerClient", member: DemoMember, mappings: list[Mapping], domain_id: str
) -> None:
    """Create the member's profile in the first domain and in those of their mappings, and their space."""
    for each in {domain_id, *(mapping.domain_id for mapping in mappings)}:
        sagemaker.create_user_profile(DomainId=each, UserProfileName=member.name)
    for mapping in mappings:
        if mapping.space_name is not None:
            _create_space(sagemaker, mapping.domain_id, mapping.space_name, member, "Shared")


def _leave_running(sagemaker: "SageMakerClient", member: DemoMember, domain_id: str) -> None:
    spec: Any = {"InstanceType": LEFT_RUNNING}
    settings = {"AppType": "JupyterLab", "JupyterLabAppSettings": {"DefaultResourceSpec": spec}}
    _create_space(sagemaker, domain_id, member.lab, member, "Private", SpaceSettings=settings)
    named: Any = {"DomainId": domain_id, "SpaceName": member.lab, "AppType": "JupyterLab", "AppName": "default"}
    sagemaker.create_app(**named, ResourceSpec=spec)


def _create_space(
    sagemaker: "SageMakerClient", domain_id: str, name: str, owner: DemoMember, sharing: Any, **more: Any
) -> None:
    owned: Any = {"OwnerUserProfileName": owner.name}
    settings = {"OwnershipSettings": owned, "SpaceSharingSettings": {"SharingType": sharing}}
    sagemaker.create_space(DomainId=domain_id, SpaceName=name, **settings, **more)


def _furnish(workspace: Workspace) -> None:
    """Add channels, conversations, and a few messages. The bot is in #general alone."""
    full_members = frozenset(member.user_id for member in MEMBERS if not member.guest)
    topic = "The bot isn't a member here; its command works"
    workspace.add_channel(Channel(DATA_SCIENCE, "data-science", full_members, topic=topic))
    workspace.add_channel(Channel(RANDOM, "random", full_members, topic="Anything else"))
    for member in MEMBERS:
        workspace.direct_message(member.user_id)
    workspace.direct_message(MEMBERS[0].user_id, ADMINS[0].user_id)
    for channel, author, text in MESSAGES:
        workspace.say(author, text, channel=channel)
