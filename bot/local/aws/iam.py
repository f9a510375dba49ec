"""The one operation of IAM that moto lacks and `doctor` calls: what the policies of a role allow.

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
    """Add the operation to moto's IAM for the whole process. Repeated calls change nothing."""
    extended: Any = IamResponse
    extended.simulate_principal_policy = simulate_principal_policy


def simulate_principal_policy(self: Any) -> Any:
    """Each action with each resource. Only roles are known, and boundaries are not looked at.

    A statement counts if the given context meets its condition, of which only StringEquals is known; what else it
    needs to be known of a request is named as missing.
    """
    source = self._get_param("PolicySourceArn")
    role = next((role for role in self.backend.get_roles() if role.arn == source), None)
    if role is None:
        raise NotFoundException(f"The role with ARN {source} cannot be found.")
    documents = list(_documents(role))
    given = {
        each["ContextKeyName"]: each["ContextKeyValues"] for each in self._get_param("ContextEntries", None) or []
    }
    policies = [IAMPolicy(json.dumps({"Statement": [s for s in each if _met(s, given)]})) for each in documents]
    missing = sorted(
        {key for each in documents for s in each for keys in s.get("Condition", {}).values() for key in keys}
        - given.keys()
    )
    results = [
        {
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": (decision := _decision(policies, action, resource)),
            "ResourceSpecificResults": [
                {"EvalResourceName": resource, "EvalResourceDecision": decision, "MissingContextValues": missing}
            ],
        }
        for action in self._get_param("ActionNames", [])
        for resource in self._get_param("ResourceArns", None) or ["*"]
    ]
    return ActionResult({"EvaluationResults": results, "IsTruncated": False})


def _met(statement: dict[str, Any], given: dict[str, list[str]]) -> bool:
    conditions = statement.get("Condition", {})
    return conditions.keys() <= {"StringEquals"} and all(
        given.get(key) == ([wanted] if isinstance(wanted, str) else wanted)
        for key, wanted in conditions.get("StringEquals", {}).items()
    )


def _documents(role: Any) -> Iterator[list[dict[str, Any]]]:
    policies = [
        *role.policies.values(),
        *(next(v.document for v in each.versions if v.is_default) for each in role.managed_policies.values()),
    ]
    for policy in policies:
        statements = (json.loads(policy) if isinstance(policy, str) else policy)["Statement"]
        yield statements if isinstance(statements, list) else [statements]


def _decision(policies: list[IAMPolicy], action: str, resource: str) -> str:
    found = {policy.is_action_permitted(action, resource) for policy in policies}
    if PermissionResult.DENIED in found:
        return "explicitDeny"
    return "allowed" if PermissionResult.PERMITTED in found else "implicitDeny"
