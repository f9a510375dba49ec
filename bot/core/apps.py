"""The contents of a Studio domain: profiles, spaces, and the apps that run in them."""

import re
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.core.access import Mapping
from bot.core.values import MAX_NAME, NAME, NAME_RULE, check_pattern

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateApp.html
APP_TYPE = re.compile("[A-Z][A-Za-z]{2,30}")


class AppStatus(StrEnum):
    """AWS's states of an app that has not ended."""

    PENDING = "Pending"
    IN_SERVICE = "InService"
    DELETING = "Deleting"
    FAILED = "Failed"


# The states of an app that costs money, or is about to.
ALIVE = frozenset({AppStatus.PENDING, AppStatus.IN_SERVICE})


@dataclass(frozen=True, slots=True)
class AppName:
    """The name of an app below a mapping's profile: a button can hold it, and it gives no right to the app.

    Attributes:
        space: the space that the app runs in; None for the profile's own app.
    """

    app_type: str
    name: str
    space: str | None = None

    def __post_init__(self) -> None:
        check_pattern("app type", self.app_type, APP_TYPE, 31, "a type of app such as JupyterLab")
        check_pattern("app", self.name, NAME, MAX_NAME, NAME_RULE)
        if self.space is not None:
            check_pattern("space", self.space, NAME, MAX_NAME, NAME_RULE)


@dataclass(frozen=True, slots=True)
class App:
    """One app.

    Attributes:
        owner: the profile that it runs for, or that owns its space; "" for a space without an owner.
        shared: whether other profiles use its space as well.
        instance_type: None if AWS does not say.
        since: when it was created; AWS charges from about then.
        failure: AWS's reason, for an app that failed.
    """

    name: AppName
    owner: str
    status: AppStatus
    shared: bool = False
    instance_type: str | None = None
    since: datetime | None = None
    failure: str = ""

    def belongs_to(self, mapping: Mapping) -> bool:
        return _owns(mapping, self.owner)


@dataclass(frozen=True, slots=True)
class Space:
    """A space; see `App` for its fields.

    Attributes:
        status: its state in AWS, such as InService.
        tags: empty in listings; only a description has them.
    """

    name: str
    owner: str
    shared: bool
    app_type: str | None = None
    status: str = AppStatus.IN_SERVICE
    failure: str = ""
    tags: Dictionary[str, str] = field(default_factory=dict)

    def belongs_to(self, mapping: Mapping) -> bool:
        return _owns(mapping, self.owner)


@dataclass(frozen=True, slots=True)
class Profile:
    """A user profile; see `Space` for its fields."""

    name: str
    status: str
    failure: str = ""
    tags: Dictionary[str, str] = field(default_factory=dict)


def _owns(mapping: Mapping, owner: str) -> bool:
    """Return whether the owner is the mapping's profile. Profile names ignore case."""
    return owner.lower() == mapping.profile_name.lower()


@dataclass(frozen=True, slots=True)
class Inventory:
    """The contents of a domain: apps that have not ended, and all spaces."""

    apps: tuple[App, ...] = ()
    spaces: tuple[Space, ...] = ()
