"""Apps and spaces of Studio: list, examine, stop and start them, in the process's own role or in a mapping's.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListApps.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteApp.html
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from bot.aws.examination import MISSING
from bot.aws.iam_workspaces import acting_policy, listing_policy
from bot.aws.listing import app_of, inventory, request_of, space_of
from bot.aws.sagemaker import SageMakerStudio
from bot.core.access import Mapping, Member
from bot.core.apps import App, AppName, Inventory
from bot.core.errors import StudioError
from bot.core.link import Reason
from bot.single_flight import SingleFlightCache
from bot.workspaces.resources import IN_USE

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

T = TypeVar("T")

# How long a domain's list serves those who look, and how many are kept.
CACHED_SECONDS, MAX_LISTS = 30.0, 256
LIMIT = "ResourceLimitExceeded"
# The name of an app that is started here, as Studio itself names it.
DEFAULT = "default"
# The types of app that a space can be set to, and where its settings name the instance.
SETTINGS = {"JupyterLab": "JupyterLabAppSettings", "CodeEditor": "CodeEditorAppSettings"}


class StudioApps:
    """The adapter; see `ports.Apps`."""

    def __init__(self, studio: SageMakerStudio, seconds: float = CACHED_SECONDS) -> None:
        self._studio = studio
        self._lists = SingleFlightCache[tuple[str, str | None, str | None], Inventory](seconds, max_entries=MAX_LISTS)

    def inventory(self, mapping: Mapping, member: Member | None = None) -> Inventory:
        """List the whole domain: SageMaker cannot list the spaces of one profile. Requests at once share one list.

        Listing takes permissions that no resource narrows (`sagemaker:ListApps`, `sagemaker:ListSpaces`).
        """
        work = partial(inventory, mapping.domain_id)
        return self._lists.get(_place(mapping), lambda: self._studio.call(mapping, member, work, listing_policy))

    def forget(self, mapping: Mapping) -> None:
        self._lists.forget(_place(mapping))

    def app(self, mapping: Mapping, name: AppName, member: Member | None = None) -> App | None:
        return self._act(mapping, name.space, member, partial(_described, mapping, name))

    def stop(self, mapping: Mapping, name: AppName, member: Member | None = None) -> None:
        def stop(client: "SageMakerClient") -> None:
            with _answers({MISSING: Reason.APP_GONE, IN_USE: Reason.APP_NOT_READY}):
                client.delete_app(**request_of(mapping, name))

        self._act(mapping, name.space, member, stop)

    def start(self, mapping: Mapping, space: str, member: Member | None = None) -> AppName:
        """Start the app that the space is set to, on the instance type that it names."""
        return self._act(mapping, space, member, partial(_start, mapping, space))

    def _act(
        self, mapping: Mapping, space: str | None, member: Member | None, work: Callable[["SageMakerClient"], T]
    ) -> T:
        """Do something to apps of a space or of the profile, after which the list of the domain is out of date."""
        try:
            return self._studio.call(mapping, member, work, partial(acting_policy, space=space))
        finally:
            self.forget(mapping)


def _place(mapping: Mapping) -> tuple[str, str | None, str | None]:
    return mapping.domain_id, mapping.region, mapping.role_arn


def _described(mapping: Mapping, name: AppName, client: "SageMakerClient") -> App | None:
    spaces = {}
    try:
        if name.space:
            spaces[name.space] = space_of(client.describe_space(DomainId=mapping.domain_id, SpaceName=name.space))
        return app_of(client.describe_app(**request_of(mapping, name)), spaces)
    except ClientError as error:
        if error.response["Error"]["Code"] == MISSING:
            return None
        raise


def _start(mapping: Mapping, name: str, client: "SageMakerClient") -> AppName:
    with _answers({MISSING: Reason.SPACE_MISSING}):
        described: Any = client.describe_space(DomainId=mapping.domain_id, SpaceName=name)
    space, settings = space_of(described), described.get("SpaceSettings", {})
    if not space.belongs_to(mapping):
        raise StudioError(
            f"space {name} is not owned by {mapping.profile_name}: start another one", reason=Reason.SPACE_NOT_YOURS
        )
    if space.app_type not in SETTINGS:
        raise StudioError(
            f"space {name} is set to no app that can be started here: open it in Studio", reason=Reason.APP_UNKNOWN
        )
    started = AppName(space.app_type, DEFAULT, name)
    spec = settings.get(SETTINGS[space.app_type], {}).get("DefaultResourceSpec")
    with _answers({IN_USE: Reason.APP_RUNNING, LIMIT: Reason.APP_QUOTA}):
        client.create_app(**request_of(mapping, started), **({"ResourceSpec": spec} if spec else {}))
    return started


@contextmanager
def _answers(reasons: dict[str, Reason]) -> Iterator[None]:
    """Raise StudioError for these codes of SageMaker."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in reasons:
            raise
        why = f"SageMaker answered {code}: look at what runs with `studio-links running`, then try again"
        raise StudioError(why, reason=reasons[code], code=code) from None
