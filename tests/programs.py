"""Programs that tests drive and pip does not install. `.ci/run` lists Debian's packages for them."""

import os
import shutil

import pytest


def program(name: str) -> str:
    """Return a program's path. Without it, skip the test, but fail it in CI."""
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{name} is not installed")
    return path
