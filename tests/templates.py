"""The CloudFormation templates of deploy/, decoded."""

from functools import cache
from pathlib import Path
from typing import Any

DEPLOY = Path(__file__).parents[1] / "deploy"


@cache
def template(name: str = "cloudformation.yaml") -> dict[str, Any]:
    """Return the content of a template."""
    from cfnlint.decode import decode  # noqa: PLC0415 - importing it takes a second, in each process that collects tests

    decoded: dict[str, Any] = decode(str(DEPLOY / name))[0]
    return decoded
