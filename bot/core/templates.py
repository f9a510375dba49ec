"""The template of new user profiles in a domain: their execution role, and what a private space of theirs gets.

A domain's template is in `STUDIO_PROFILE_TEMPLATE_<domain>`, the domain's id in upper case with underscores for its
hyphens, which names of variables cannot have: `STUDIO_PROFILE_TEMPLATE_D_ABC123=role=arn:aws:iam::…:role/studio`.
Pure.
"""

import re
from collections.abc import Iterable
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass

from bot.core.values import DOMAIN_ID, MAX_NAME, REGION, ROLE_ARN, InvalidValue, check_pattern, check_range

PREFIX = "STUDIO_PROFILE_TEMPLATE_"
# A role's name may contain commas, so only a comma before one of these names separates two settings.
SETTINGS = ("role", "region", "instances", "idle", "storage", "security-groups")
SEPARATOR = re.compile(rf",\s*(?=(?:{'|'.join(SETTINGS)})=)")
INSTANCE = re.compile(r"ml\.[a-z0-9-]{1,16}\.[a-z0-9-]{1,16}")
SECURITY_GROUP = re.compile(r"sg-[0-9a-z]{1,32}")
# Minutes and gigabytes. https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_IdleSettings.html
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_EbsStorageSettings.html
IDLE_MINUTES, STORAGE_GB = range(60, 525_601), range(5, 16_385)
MAY_BE = (
    "role=ARN, and if needed region=R, instances=ml.t3.medium+ml.m5.large, idle=MINUTES (60 or more), storage=GB "
    "(5 or more), security-groups=sg-1+sg-2, separated by commas"
)


@dataclass(frozen=True, slots=True)
class Template:
    """What profiles made in a domain get.

    Attributes:
        role_arn: their execution role. Nobody in Slack can name another one.
        region: the domain's; None for the configured one.
        instances: the instance types that a private space may have; without any, none is offered.
        idle_minutes: when a space's app that nobody uses is stopped.
        storage_gb: the size of a space's volume; None for the domain's default.
    """

    domain_id: str
    role_arn: str
    region: str | None = None
    instances: tuple[str, ...] = ()
    idle_minutes: int = 120
    storage_gb: int | None = None
    security_groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_pattern("domain", self.domain_id, DOMAIN_ID, MAX_NAME, "a SageMaker domain id such as d-abc123")
        check_pattern("role", self.role_arn, ROLE_ARN, 600, "an IAM role's ARN")
        if self.region is not None:
            check_pattern("region", self.region, REGION, 30, "an AWS region such as eu-west-1")
        for each in self.instances:
            check_pattern("instances", each, INSTANCE, 40, "instance types such as ml.t3.medium")
        for each in self.security_groups:
            check_pattern("security-groups", each, SECURITY_GROUP, 35, "security groups such as sg-0123abcd")
        check_range("idle", self.idle_minutes, IDLE_MINUTES)
        if self.storage_gb is not None:
            check_range("storage", self.storage_gb, STORAGE_GB)


Templates = Dictionary[str, Template]


def parse(domain_id: str, text: str) -> Template:
    """Return the template that a variable describes; InvalidValue if it makes none."""
    given = dict(part.partition("=")[::2] for part in SEPARATOR.split(text.strip()))
    unknown = [name for name in given if name not in SETTINGS]
    if unknown or "role" not in given:
        raise InvalidValue("template", text, MAY_BE)
    return Template(
        domain_id,
        role_arn=given["role"],
        region=given.get("region"),
        instances=_several(given.get("instances", "")),
        idle_minutes=_number(given.get("idle", "120"), "idle"),
        storage_gb=_number(given["storage"], "storage") if "storage" in given else None,
        security_groups=_several(given.get("security-groups", "")),
    )


def variable_of(domain_id: str) -> str:
    """Return the name of the variable that holds a domain's template."""
    return PREFIX + domain_id.upper().replace("-", "_")


def domain_of(variable: str) -> str:
    """Return the id of the domain whose template the variable holds. No id has an underscore or a capital letter."""
    return variable.upper().removeprefix(PREFIX).lower().replace("_", "-")


def read(variables: Iterable[tuple[str, str]]) -> tuple[Templates, dict[str, str]]:
    """Return the templates among the variables by domain, and what is wrong with each other one of that prefix."""
    found: dict[str, Template] = {}
    problems: dict[str, str] = {}
    for name, text in sorted(variables):
        if name.startswith(PREFIX) and text:
            try:
                template = parse(domain_of(name), text)
            except InvalidValue as error:  # not quoted: a secret may be in the wrong variable
                problems[name] = f"{name}: its {error.field_name} is not valid; it must be {MAY_BE}"
            else:
                found[template.domain_id] = template
    return found, problems


def _several(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("+") if part.strip())


def _number(text: str, name: str) -> int:
    if not re.fullmatch("[0-9]{1,6}", text.strip()):
        raise InvalidValue(name, text, "a whole number")
    return int(text)
