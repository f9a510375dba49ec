"""The CloudFormation templates of deploy/, decoded."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[1] / "deploy"


class Loader(yaml.CSafeLoader):
    """Reads short forms of functions, such as `!Ref`, as long ones. cfn-lint would, but takes seconds to import."""


def _function(loader: Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    match node:
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case yaml.MappingNode():
            value = loader.construct_mapping(node, deep=True)
        case _:
            value = loader.construct_scalar(node)  # type: ignore[arg-type] # only scalars are left
            value = value.split(".", 1) if name == "GetAtt" else value
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


Loader.add_multi_constructor("!", _function)
# A policy's version is no date.
Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
    for letter, found in Loader.yaml_implicit_resolvers.items()
}


@cache
def template(name: str = "cloudformation.yaml") -> dict[str, Any]:
    """Return the content of a template."""
    content: dict[str, Any] = yaml.load((DEPLOY / name).read_text(encoding="utf-8"), Loader)  # noqa: S506 - safe
    return content
