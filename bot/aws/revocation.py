"""A denied member's remaining access to AWS, and how to end it: running apps, and sessions that made links.

AWS checks the policies of the role that made a link for every request of the Studio session that it opened. A deny
for sessions of the role that began before now therefore ends those, and no later ones.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreatePresignedDomainUrl.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from bot.aws.account import CONFIG
from bot.aws.client import aws_errors, new_session
from bot.aws.iam_scope import PRESIGN, document, profile_arn
from bot.aws.listing import holder_of, list_apps, list_spaces, request_of
from bot.aws.role_sessions import SessionKey, as_arguments, assume
from bot.core.access import Mapping, Member
from bot.core.apps import ALIVE
from bot.core.errors import StudioError
from bot.core.link import Reason
from bot.core.values import MAX_SESSION_NAME_LENGTH

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

SESSION_NAME = "studio-links-revocation"
POLICY_NAME = "studio-links-revoked"
# A session may do nothing that its role may not.
ANYTHING = json.dumps(document([{"Effect": "Allow", "Action": "*", "Resource": "*"}]))


@dataclass(frozen=True, slots=True)
class Step:
    """Something to end. `end` raises StudioError if AWS refuses or does not answer."""

    what: str
    end: Callable[[], None]


class Revocation:
    """Find and end what one member has. Each method raises StudioError if AWS refuses or does not answer.

    Args:
        account: the account of our own credentials.
        serving_role: the bot's role, for mappings without a role; None if nobody has named it.
        assumed: roles to assume in other accounts.
    """

    def __init__(
        self,
        member: Member,
        *,
        region: str,
        account: str,
        now: datetime,
        serving_role: str | None = None,
        assumed: Iterable[str] = (),
        external_id: str | None = None,
    ) -> None:
        self._member, self._region, self._account = member, region, account
        self._before = f"{now:%Y-%m-%dT%H:%M:%SZ}"
        self._policy_name = f"{POLICY_NAME}-{member.user_id}-{now:%Y%m%dT%H%M%SZ}"
        self._serving_role, self._external_id = serving_role, external_id
        self._assumed = {_account_of(role): role for role in assumed}
        self._client = cache(self._new_client)

    def sessions(self, mappings: Iterable[Mapping]) -> list[Step]:
        """Return a step for each role that made the member's links."""
        of_role: dict[str, list[Mapping]] = defaultdict(list)
        for mapping in mappings:
            of_role[mapping.role_arn or self._serving_role or ""].append(mapping)
        return [
            Step(f"sessions of {role or 'the bot'} that made links before now", partial(self._deny, role, found))
            for role, found in sorted(of_role.items())
        ]

    def apps(self, mapping: Mapping) -> tuple[list[Step], list[str]]:
        """Return a step for each running app of the profile and its private spaces, and the spaces left alone."""
        domain_id, region = mapping.domain_id, mapping.region or self._region
        with aws_errors():
            account = _account_of(mapping.role_arn) if mapping.role_arn else self._account
            client: SageMakerClient = self._client("sagemaker", region, account)
            spaces = [each for each in list_spaces(client, domain_id) if each.belongs_to(mapping)]
            holders = [None, *(each.name for each in spaces if not each.shared)]
            steps = [
                Step(
                    f"app {app.name.app_type} {app.name.name} of {name or mapping.profile_name} in {domain_id}",
                    partial(_delete, client, request_of(mapping, app.name)),
                )
                for name in holders
                for app in list_apps(client, domain_id, {}, holder_of(mapping, name))
                if app.status in ALIVE
            ]
        shared = [each.name for each in spaces if each.shared]
        return steps, [f"space {name} in {domain_id} is shared: its apps keep running" for name in shared]

    def _deny(self, role: str, mappings: list[Mapping]) -> None:
        if not role:
            raise StudioError("the bot's role is unknown: name it with --serving-role", reason=Reason.AWS_REFUSED)
        condition: dict[str, Any] = {"DateLessThan": {"aws:TokenIssueTime": self._before}}
        resources = ["*"]
        if mappings[0].role_arn:
            name = self._member.session_name[:MAX_SESSION_NAME_LENGTH]
            condition["StringLike"] = {"aws:userid": f"*:{name}"}
        else:  # the bot's role has sessions for all members: only the profiles tell them apart
            resources = sorted({self._profile(mapping, role) for mapping in mappings})
        statement = {"Effect": "Deny", "Action": PRESIGN, "Resource": resources, "Condition": condition}
        with aws_errors():
            self._client("iam", self._region, _account_of(role)).put_role_policy(
                RoleName=role.rpartition("/")[2],
                PolicyName=self._policy_name,
                PolicyDocument=json.dumps(document([statement])),
            )

    def _profile(self, mapping: Mapping, role: str) -> str:
        return profile_arn(mapping, role.split(":")[1], mapping.region or self._region, self._account)

    def _new_client(self, service: Any, region: str, account: str) -> Any:
        """Return a client with our own credentials, or those of the role that we may assume in the account."""
        session = new_session()
        if account == self._account:
            return session.client(service, region_name=region, config=CONFIG)
        if account not in self._assumed:
            why = f"this is in account {account}: name a role of it to assume with --assume"
            raise StudioError(why, reason=Reason.AWS_REFUSED)
        sts = session.client("sts", region_name=self._region, config=CONFIG)
        key = SessionKey(self._assumed[account], SESSION_NAME, ANYTHING)
        credentials = as_arguments(assume(sts, key, self._external_id))
        return session.client(service, region_name=region, config=CONFIG, **credentials)


def _account_of(role_arn: str) -> str:
    return role_arn.split(":")[4]


def _delete(client: "SageMakerClient", app: Any) -> None:
    with aws_errors():
        client.delete_app(**app)
