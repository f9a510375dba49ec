"""What seeing, stopping and starting apps takes: for roles, and for sessions of a mapping's role. Pure."""

from typing import Any

from bot.aws.iam_scope import Scope, document, scope_of, statement
from bot.core.access import Mapping

# These take no narrower resource.
LIST = ["sagemaker:ListApps", "sagemaker:ListSpaces"]
STOP = ["sagemaker:DescribeApp", "sagemaker:DeleteApp"]
STOP_AND_START = [*STOP, "sagemaker:CreateApp"]


def running(scope: Scope, actions: list[str]) -> list[dict[str, Any]]:
    """Allow seeing what runs in the domains, and acting on their apps, if that is wanted."""
    apps = scope.studio("app", "/*") if scope.runs else []
    return [statement("Running", LIST, ["*"] if apps else []), statement("Apps", actions, apps)]


def listing_policy(_mapping: Mapping, _region: str) -> dict[str, Any]:
    """Return the inline policy of a session that lists apps and spaces."""
    return document([{"Effect": "Allow", "Action": LIST, "Resource": "*"}])


def acting_policy(mapping: Mapping, region: str, *, space: str | None) -> dict[str, Any]:
    """Return the inline policy that narrows a broker role to the apps of one space, or of the mapping's profile."""
    scope, owner = scope_of(mapping, region), space or mapping.profile_name
    statements = [
        {"Effect": "Allow", "Action": STOP_AND_START, "Resource": scope.studio("app", f"/{owner}/*")},
        {"Effect": "Allow", "Action": "sagemaker:DescribeSpace", "Resource": scope.studio("space", f"/{owner}")},
    ]
    return document(statements)
