"""Evaluate IAM policies as AWS does, as far as our own policies use its language, and read those of the templates."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import Any

from tests.templates import template

REGION, ACCOUNT = "us-east-1", "123456789012"
Statement = Mapping[str, Any]
Context = Mapping[str, str | Collection[str]]
# Whether a value of the request meets the value of a policy.
OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda given, wanted: given == wanted,
    "StringLike": fnmatchcase,
    "StringNotLike": lambda given, wanted: not fnmatchcase(given, wanted),
    "IpAddress": lambda given, wanted: ip_address(given) in ip_network(wanted),
    "Bool": lambda given, wanted: given == wanted,
    "DateLessThan": lambda given, wanted: given < wanted,
}
NO_VALUE = object()
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::NoValue": NO_VALUE,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": "studio-links",
}


def many(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def meets(given: str | Collection[str] | None, operator: str, wanted: str | list[str]) -> bool:
    """Return whether a key of the request meets a condition: each of its values, where the operator says so.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    """
    for_all, _, name = operator.rpartition(":")
    if given is None:
        return bool(for_all)
    one_or_all = all if "Not" in name else any
    values = [given] if isinstance(given, str) else given
    return all(one_or_all(OPERATORS[name](value, each) for each in many(wanted)) for value in values)


def covers(statement: Statement, action: str, resource: str, context: Context) -> bool:
    """Return whether a statement is about the request. A key that the request lacks meets no condition."""
    return (
        any(fnmatchcase(action, pattern) for pattern in many(statement["Action"]))
        and any(fnmatchcase(resource, pattern) for pattern in many(statement.get("Resource", "*")))
        and all(
            meets(context.get(key), operator, wanted)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def permits(
    statements: Iterable[Statement], action: str, resource: str = "*", context: Context | None = None
) -> bool:
    """Return whether policies allow a request: an explicit deny wins."""
    effects = {each["Effect"] for each in statements if covers(each, action, resource, context or {})}
    return effects == {"Allow"}


def writes(operation: str, arguments: Mapping[str, Any]) -> Iterator[tuple[str, str, Context]]:
    """Yield what IAM knows of each part of a call that writes to DynamoDB: action, table, and keys of conditions.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    """
    parts = [(operation, arguments)]
    if operation == "TransactWriteItems":
        parts = [(f"{name}Item", part) for item in arguments["TransactItems"] for name, part in item.items()]
    for action, part in parts:
        item = part.get("Item") or part["Key"]
        leading = [item[name]["S"] for name in ("id", "owner") if name in item]
        names = {*item, *part.get("ExpressionAttributeNames", {}).values()}
        context = {"dynamodb:LeadingKeys": leading, "dynamodb:Attributes": names}
        yield f"dynamodb:{action}", part["TableName"], context


class Stack:
    """A template with parameters: its conditions and its resources, without the functions of CloudFormation.

    A resource stands for its ARN, which is its logical name here.
    """

    def __init__(self, name: str = "cloudformation.yaml", **parameters: str) -> None:
        self._template = template(name)
        defaults = {key: each.get("Default") for key, each in self._template["Parameters"].items()}
        assert parameters.keys() <= defaults.keys()
        lists = {key for key, each in self._template["Parameters"].items() if "List" in each["Type"]}
        given = {key: str(value) for key, value in (defaults | parameters).items() if value is not None}
        self._values: dict[str, Any] = PSEUDO | {
            key: value.split(",") if key in lists else value for key, value in given.items()
        }
        self._conditions: Mapping[str, Any] = self._template.get("Conditions", {})
        self.resources: dict[str, Any] = {
            key: self.resolve({name: part for name, part in each.items() if name != "Condition"})
            for key, each in self._template["Resources"].items()
            if "Condition" not in each or self.holds({"Condition": each["Condition"]})
        }

    def holds(self, condition: Mapping[str, Any]) -> bool:
        """Return whether a condition is true."""
        [(function, given)] = condition.items()
        match function:
            case "Condition":
                return self.holds(self._conditions[given])
            case "Fn::Equals":
                return str(self.resolve(given[0])) == str(self.resolve(given[1]))
            case "Fn::Not":
                return not self.holds(given[0])
            case "Fn::And":
                return all(map(self.holds, given))
            case "Fn::Or":
                return any(map(self.holds, given))
        raise AssertionError(f"{function} is no condition")

    def resolve(self, value: Any) -> Any:
        """Return a part of the template without CloudFormation's functions."""
        if isinstance(value, list):
            return [each for each in map(self.resolve, value) if each is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        functions: dict[str, Callable[[Any], Any]] = {
            "Ref": lambda given: self._values.get(given, given),
            "Fn::GetAtt": lambda given: ".".join(many(given)).removesuffix(".Arn"),
            "Fn::If": lambda given: self.resolve(given[1] if self.holds({"Condition": given[0]}) else given[2]),
            "Fn::Join": lambda given: given[0].join(self.resolve(given[1])),
            "Fn::Split": lambda given: self.resolve(given[1]).split(given[0]),
            "Fn::Sub": self._substitute,
        }
        function, given = next(iter(value.items()), ("", None))
        if function in functions:
            return functions[function](given)
        resolved = {key: self.resolve(each) for key, each in value.items()}
        return {key: each for key, each in resolved.items() if each is not NO_VALUE}

    def _substitute(self, given: str | list[Any]) -> str:
        text, own = (given, {}) if isinstance(given, str) else (given[0], self.resolve(given[1]))
        return re.sub(r"\$\{([^}]+)\}", lambda found: own.get(found[1]) or self._named(found[1]), text)

    def _named(self, name: str) -> str:
        value = self._values.get(name, name.removesuffix(".Arn"))
        return value if isinstance(value, str) else ",".join(value)

    @property
    def refusals(self) -> list[str]:
        """Return what CloudFormation says about parameters that break the rules."""
        return [
            each["AssertDescription"]
            for rule in self._template.get("Rules", {}).values()
            if "RuleCondition" not in rule or self.holds(rule["RuleCondition"])
            for each in rule["Assertions"]
            if not self.holds(each["Assert"])
        ]

    def trust(self, role: str) -> list[Statement]:
        """Return the statements that say who may assume a role."""
        found: list[Statement] = self.resources[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        return found

    def permissions(self, role: str) -> list[Statement]:
        """Return all statements of a role."""
        inline = self.resources[role]["Properties"]["Policies"]
        attached = [
            each["Properties"]
            for each in self.resources.values()
            if each["Type"] == "AWS::IAM::Policy" and role in each["Properties"]["Roles"]
        ]
        return [statement for policy in (*inline, *attached) for statement in policy["PolicyDocument"]["Statement"]]
