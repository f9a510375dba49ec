"""What moto keeps for SageMaker Studio beyond its domains: profiles and spaces, and how they are listed."""

import base64
import json
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.core.utils import utcnow
from moto.sagemaker.exceptions import AWSValidationException, ResourceNotFound

PAGE = 10  # MaxResults of ListUserProfiles and ListSpaces when the request has none


@dataclass(frozen=True)
class SignIn:
    """What one presigned URL stands for. Durations are in seconds; None means the domain's own default."""

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
    """A user profile or a space. ``status`` may be set to any of the API's, to see what callers do."""

    domain_id: str
    name: str
    arn: str
    details: dict[str, Any]
    status: str = "InService"
    failure_reason: str | None = None
    created: datetime = field(default_factory=utcnow)
    modified: datetime = field(default_factory=utcnow)
    tags: dict[str, str] = field(default_factory=dict)

    def summary(self, names: str, *details: str) -> dict[str, Any]:
        """Its entry in a list call; ``names`` is "UserProfileName" or "SpaceName"."""
        return {
            "DomainId": self.domain_id,
            names: self.name,
            "Status": self.status,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            **{key: self.details[key] for key in details if self.details.get(key)},
        }

    def described(self, names: str) -> dict[str, Any]:
        """What a describe call returns of it, besides its ARN."""
        return {"FailureReason": self.failure_reason, **self.details, **self.summary(names)}

    @property
    def owner(self) -> str | None:
        """The lower-case name of the profile that owns a space, if one does."""
        name = (self.details["OwnershipSettings"] or {}).get("OwnerUserProfileName")
        return name.lower() if name else None


@dataclass
class StudioState:
    """The profiles and spaces of one account and region. Lives on moto's backend, and dies with its reset.

    Profiles are keyed by domain and lower-case name: their names are not case sensitive. The documentation
    says no such thing of spaces, so theirs are.
    """

    profiles: dict[tuple[str, str], Resource] = field(default_factory=dict)
    spaces: dict[tuple[str, str], Resource] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def profile(self, domain_id: str, name: str) -> Resource:
        if (domain_id, name.lower()) not in self.profiles:
            raise ResourceNotFound(f"UserProfile [{name}] does not exist in domain [{domain_id}].")
        return self.profiles[domain_id, name.lower()]

    def tagged(self, arn: str) -> Resource:
        """The profile or space of this ARN. The documentation names no error for others: the usual one is raised."""
        for resource in (*self.profiles.values(), *self.spaces.values()):
            if resource.arn == arn:
                return resource
        raise ResourceNotFound(f"{arn} does not exist, or is of a kind that carries no tags here.")

    def space(self, domain_id: str, name: str) -> Resource:
        if (domain_id, name) not in self.spaces:
            raise ResourceNotFound(f"Space [{name}] does not exist in domain [{domain_id}].")
        return self.spaces[domain_id, name]


def studio_state(backend: Any) -> StudioState:
    """The state on a ``SageMakerModelBackend``: ``studio_state(sagemaker_backends[account][region])``."""
    state: StudioState = backend.__dict__.setdefault("studio", StudioState())
    return state


def page(found: list[Resource], request: dict[str, Any], contains: str | None) -> tuple[list[Resource], str | None]:
    """One page of a list call: filtered, sorted, and where the next one starts.

    The token names the last resource of this page, not a position: what is created or deleted between two
    pages moves nothing else. ``contains`` is taken without regard to case (the documentation does not say).
    """
    changed = request.get("SortBy") == "LastModifiedTime"
    descending = request.get("SortOrder") == "Descending"
    domain_id, part = request.get("DomainIdEquals"), (contains or "").lower()

    def key(each: Resource) -> list[str]:
        when = each.modified if changed else each.created
        return [when.isoformat(timespec="microseconds"), each.domain_id, each.name]

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
    """The key that ``token`` stands for; it is only good for the query that it came from."""
    try:
        asked, after = json.loads(base64.urlsafe_b64decode(token))
        if asked == query:
            return [str(part) for part in after]
    except (ValueError, TypeError):
        pass
    raise AWSValidationException("Invalid NextToken.")
