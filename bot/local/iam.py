"""The one operation of IAM that moto lacks and `doctor` asks for: what the policies of a role allow.

moto's own IAM keeps the roles and their policies, and reads a policy; here the two are put together.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

import json
from collections.abc import Iterator
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.iam.exceptions import NotFoundException
from moto.iam.responses import IamResponse


def install() -> None:
    """Add the operation to moto's IAM, for the whole process; again changes nothing."""
    extended: Any = IamResponse
    extended.simulate_principal_policy = simulate_principal_policy


def simulate_principal_policy(self: Any) -> Any:
    """Each action with each resource. Only roles are known; conditions and boundaries are not looked at."""
    source = self._get_param("PolicySourceArn")
    role = next((role for role in self.backend.get_roles() if role.arn == source), None)
    if role is None:
        raise NotFoundException(f"The role with ARN {source} cannot be found.")
    policies = list(_policies(role))
    results = [
        {
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": _decision(policies, action, resource),
        }
        for action in self._get_param("ActionNames", [])
        for resource in self._get_param("ResourceArns", None) or ["*"]
    ]
    return ActionResult({"EvaluationResults": results, "IsTruncated": False})


def _policies(role: Any) -> Iterator[IAMPolicy]:
    for document in role.policies.values():
        yield IAMPolicy(document if isinstance(document, str) else json.dumps(document))
    for managed in role.managed_policies.values():
        yield IAMPolicy(managed)


def _decision(policies: list[IAMPolicy], action: str, resource: str) -> str:
    found = {policy.is_action_permitted(action, resource) for policy in policies}
    if PermissionResult.DENIED in found:
        return "explicitDeny"
    return "allowed" if PermissionResult.PERMITTED in found else "implicitDeny"
