"""The state that moto lacks for SageMaker Studio: profiles, spaces and apps, how they change, and their listing."""

import base64
import itertools
import json
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from moto.sagemaker.exceptions import AWSValidationException, ResourceInUseException, ResourceNotFound

PAGE = 10  # MaxResults of the list calls when the request has none
TRANSITIONS = ("Pending", "Updating", "Deleting")

Kind = Literal["UserProfile", "Space", "App"]


@dataclass
class Delays:
    """How long changes take, in seconds: nothing by default. The kinds that `failing` names fail, for this reason."""

    starting: dict[Kind, float] = field(default_factory=dict)
    deleting: dict[Kind, float] = field(default_factory=dict)
    failing: dict[Kind, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SignIn:
    """The content of one presigned URL. Durations are in seconds; None means the domain's own default."""

    account: str
    region: str
    domain_id: str
    profile: str
    space: str | None
    landing: str | None
    link_seconds: int
    session_seconds: int


@dataclass
class Resource:
    """A user profile, a space or an app. `status` may be set to any of the API's, to see what callers do.

    An app is called after its profile or space, its type and itself, as in its ARN.
    """

    kind: Kind
    domain_id: str
    name: str
    arn: str
    details: dict[str, Any]
    created: datetime
    number: int  # in order of creation
    status: str = "InService"
    failure_reason: str | None = None
    due: float = float("inf")  # when a status that does not last ends, in seconds since the epoch
    modified: datetime = field(init=False)
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.modified = self.created

    def summary(self) -> dict[str, Any]:
        """Return its entry of a list call."""
        shared = {"DomainId": self.domain_id, "Status": self.status, "CreationTime": self.created}
        if self.kind == "App":
            named = ("UserProfileName", "SpaceName", "AppType", "AppName", "ResourceSpec")
            return {**{key: self.details[key] for key in named if self.details[key]}, **shared}
        shared["LastModifiedTime"] = self.modified
        if self.kind == "UserProfile":
            return {"UserProfileName": self.name, **shared}
        kind = (self.details["SpaceSettings"] or {}).get("AppType")
        settings = {
            "SpaceDisplayName": self.details["SpaceDisplayName"],
            "OwnershipSettingsSummary": self.details["OwnershipSettings"],
            "SpaceSharingSettingsSummary": self.details["SpaceSharingSettings"],
            "SpaceSettingsSummary": {"AppType": kind} if kind else None,
        }
        return {"SpaceName": self.name, **shared, **{key: value for key, value in settings.items() if value}}

    def described(self) -> dict[str, Any]:
        """Return the answer of a describe call."""
        return {f"{self.kind}Arn": self.arn, "FailureReason": self.failure_reason, **self.details, **self.summary()}

    @property
    def owner(self) -> str | None:
        """The lower-case name of the profile that owns a space, if one does."""
        name = (self.details["OwnershipSettings"] or {}).get("OwnerUserProfileName")
        return name.lower() if name else None

    @property
    def is_alive(self) -> bool:
        """Whether it is there, starting or ending: AWS lists apps that are gone for a day."""
        return self.status != "Deleted"

    def begin(self, status: str, now: float, seconds: float) -> None:
        """Enter a status for so many seconds."""
        self.status, self.due = status, now + seconds
        self.modified = moment(now)


@dataclass
class StudioState:
    """The profiles, spaces and apps of one account and region. It lives on moto's backend until that is reset."""

    resources: dict[tuple[Kind, str, str], Resource] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    file_system_uids: Iterator[int] = field(default_factory=partial(itertools.count, 200005, 5))
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def all(self, kind: Kind) -> list[Resource]:
        return [each for each in self.resources.values() if each.kind == kind]

    def get(self, kind: Kind, domain_id: str, name: str) -> Resource:
        key = _key(kind, domain_id, name)
        if key not in self.resources:
            raise ResourceNotFound(f"{kind} [{name}] does not exist in domain [{domain_id}].")
        return self.resources[key]

    def apps_of(self, kind: Kind, domain_id: str, name: str) -> list[Resource]:
        """Return the apps of a profile or a space that are not gone."""
        owned = _key(kind, domain_id, name)
        return [
            app
            for app in self.all("App")
            if app.is_alive and _key(kind, app.domain_id, app.details[f"{kind}Name"] or "") == owned
        ]

    def add(self, new: Resource) -> None:
        key = _key(new.kind, new.domain_id, new.name)
        if key in self.resources and self.resources[key].is_alive:
            raise ResourceInUseException(f"{new.kind} [{new.name}] already exists in domain [{new.domain_id}].")
        self.resources[key] = new

    def remove(self, old: Resource) -> None:
        del self.resources[_key(old.kind, old.domain_id, old.name)]

    def settle(self, now: float, delays: Delays) -> None:
        """End each status whose time is over."""
        for each in [each for each in self.resources.values() if each.due <= now]:
            ended, each.due = each.status, float("inf")
            if ended != "Deleting":
                each.failure_reason = delays.failing.get(each.kind)
                failed = "Failed" if ended == "Pending" else "Update_Failed"
                each.status = failed if each.failure_reason else "InService"
            elif each.kind == "App":
                each.status = "Deleted"
            else:
                self.remove(each)


def moment(now: float) -> datetime:
    """Return a time as moto's answers have it."""
    return datetime.fromtimestamp(now, UTC).replace(tzinfo=None)


def _key(kind: Kind, domain_id: str, name: str) -> tuple[Kind, str, str]:
    """Case doesn't matter in the names of profiles. The documentation doesn't say whether it does for spaces."""
    return kind, domain_id, name.lower() if kind == "UserProfile" else name


def studio_state(backend: Any) -> StudioState:
    """The state on a ``SageMakerModelBackend``: ``studio_state(sagemaker_backends[account][region])``."""
    state: StudioState = backend.__dict__.setdefault("studio", StudioState())
    return state


def page(found: Iterable[Resource], request: dict[str, Any], contains: str) -> tuple[list[Resource], str | None]:
    """Return one page of a list call, filtered and sorted, and the token of the next one.

    The token names the last resource of this page, so changes between two pages move nothing else. The filter ignores
    case; the documentation doesn't say.
    """
    changed = request.get("SortBy") == "LastModifiedTime"
    descending = request.get("SortOrder") == "Descending"
    domain_id, part = request.get("DomainIdEquals"), request.get(contains, "").lower()

    def key(each: Resource) -> list[str]:
        when = each.modified if changed else each.created
        return [when.isoformat(timespec="microseconds"), f"{each.number:09}"]

    query = [domain_id, part, changed, descending]
    after = _after(request["NextToken"], query) if request.get("NextToken") else None
    rest = [
        each
        for each in sorted(found, key=key, reverse=descending)
        if (domain_id in {None, each.domain_id} and part in each.name.lower())
        and (after is None or (key(each) < after if descending else key(each) > after))
    ]
    shown = rest[: request.get("MaxResults", PAGE)]
    if len(shown) == len(rest):
        return shown, None
    return shown, base64.urlsafe_b64encode(json.dumps([query, key(shown[-1])]).encode()).decode()


def _after(token: str, query: list[Any]) -> list[str]:
    """Return the key of a token, which is only valid for the query that it came from."""
    try:
        token_query, after = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError):
        token_query, after = None, ()
    if token_query != query:
        raise AWSValidationException("Invalid NextToken.")
    return [str(part) for part in after]
