"""The input of the SageMaker operations that moto lacks, and what they share.

In moto's own idiom (state on the backend, moto's exceptions), so they work under `mock_aws` and behind a server.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import get_service_model
from moto.sagemaker.exceptions import AWSValidationException, ResourceInUseException, ResourceNotFound
from moto.sagemaker.utils import arn_formatter

from bot.local.aws.constraints import report, violations
from bot.local.aws.sagemaker_state import (
    TRANSITIONS,
    Delays,
    Kind,
    Resource,
    SignIn,
    StudioState,
    moment,
    page,
    studio_state,
)

Answer = dict[str, Any]
ARN_PARTS: dict[Kind, str] = {"UserProfile": "user-profile", "Space": "space", "App": "app"}


class Studio:
    """Studio's clock and addresses. These have the real shape and lead nowhere: enough under `mock_aws`.

    Attributes:
        delays: how long changes take.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.delays = Delays()

    def home(self, domain_id: str, region: str, auth_mode: str) -> str:  # noqa: ARG002 - one address for both modes
        """Return the domain's plain address (DescribeDomain's Url)."""
        return f"https://{domain_id}.studio.{region}.sagemaker.aws"

    def presign(self, sign_in: SignIn) -> str:
        """Return a new URL that signs in for `sign_in.link_seconds` from now. A bearer secret."""
        home = self.home(sign_in.domain_id, sign_in.region, "IAM")
        return f"{home}/auth?token={secrets.token_urlsafe(32)}"


@dataclass(frozen=True, slots=True)
class Context:
    """The input of an operation: its request as moto parsed it, moto's objects, and our state."""

    request: dict[str, Any]
    response: Any
    backend: Any
    state: StudioState

    def domain(self) -> Any:
        """Return moto's `Domain`, or raise ResourceNotFound (where moto itself raises a ValidationException)."""
        domain_id = self.request["DomainId"]
        if domain_id not in self.backend.domains:
            raise ResourceNotFound(f"Domain [{domain_id}] does not exist.")
        return self.backend.domains[domain_id]

    @property
    def now(self) -> float:
        return float(self.response.studio.clock())

    @property
    def delays(self) -> Delays:
        delays: Delays = self.response.studio.delays
        return delays

    def new(self, kind: Kind, name: str, *kept: str, **details: Any) -> Resource:
        """Add the resource that the request describes, with these fields of it; it is Pending for a while."""
        domain_id, backend = self.request["DomainId"], self.backend
        arn = arn_formatter(ARN_PARTS[kind], f"{domain_id}/{name}", backend.account_id, backend.region_name)
        details |= {key: self.request.get(key) for key in kept}
        tags, number = tags_of(self.request.get("Tags", [])), next(self.state.numbers)
        created = Resource(kind, domain_id, name, arn, details, moment(self.now), number, tags=tags)
        self.state.add(created)
        self.change(created, "Pending")
        return created

    def change(self, resource: Resource, status: str) -> None:
        """Let a change begin; it is done at once unless `delays` say that it takes a while."""
        seconds = (self.delays.deleting if status == "Deleting" else self.delays.starting).get(resource.kind, 0)
        resource.begin(status, self.now, seconds)
        self.state.settle(self.now, self.delays)

    def named(self, kind: Kind) -> Resource:
        """Return the profile or space that the request names."""
        return self.state.get(kind, self.request["DomainId"], self.request[f"{kind}Name"])

    def delete(self, resource: Resource, held: list[Resource]) -> Answer:
        """Let the end of a resource begin, unless something in it is alive or a change of it is under way."""
        for each in held:
            raise ResourceInUseException(f"{resource.kind} [{resource.name}] still has {each.kind} [{each.name}].")
        self.require_settled(resource)
        self.change(resource, "Deleting")
        return {}

    def require_settled(self, resource: Resource) -> None:
        """Refuse a change while another one is under way."""
        if resource.status in TRANSITIONS:
            raise ResourceInUseException(f"{resource.kind} [{resource.name}] is {resource.status}.")

    def require_in_service(self, resource: Resource) -> None:
        """Refuse what needs a resource that is ready."""
        if resource.status != "InService":
            raise AWSValidationException(f"{resource.kind} [{resource.name}] is not InService but {resource.status}.")

    def tagged(self) -> Any:
        """Return the domain, profile or space whose ARN is in the request. The error for others is not documented."""
        arn = self.request["ResourceArn"]
        for resource in (*self.backend.domains.values(), *self.state.resources.values()):
            if resource.arn == arn:
                return resource
        raise ResourceNotFound(f"{arn} does not exist, or is of a kind that carries no tags here.")

    def listed(self, kind: Kind, fits: Callable[[Resource], bool] = lambda _: True) -> Answer:
        shown, token = page(filter(fits, self.state.all(kind)), self.request, f"{kind}NameContains")
        return {f"{kind}s": [each.summary() for each in shown], "NextToken": token}


OPERATIONS: dict[str, Callable[[Any], Any]] = {}


def operation(run: Callable[[Context], Answer]) -> Callable[[Context], Answer]:
    """Let a function answer the operation of its name, one call at a time, once the request is valid."""
    name = run.__name__.title().replace("_", "")

    def method(response: Any) -> Any:
        shape = get_service_model("sagemaker").operation_model(name).input_shape
        if found := list(violations(shape, response.params)):
            raise AWSValidationException(report(found))
        backend = response.sagemaker_backend
        state = studio_state(backend)
        with state.lock:
            state.settle(response.studio.clock(), response.studio.delays)
            return ActionResult(run(Context(response.params, response, backend, state)))

    OPERATIONS[run.__name__] = method
    return run


def tags_of(given: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in given}
