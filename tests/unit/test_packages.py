"""The wheel and the sdist are complete, and say what they are."""

import email
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from bot.core.values import our_version
from tests.packages import REPOSITORY, ROOT, build_packages

SOURCE = f"https://github.com/{REPOSITORY}"


def project() -> dict[str, Any]:
    loaded: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return loaded


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, beside the sdist that it was made from."""
    return build_packages(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        return email.message_from_bytes(archive.read(f"studio_links-{our_version()}.dist-info/METADATA"))


def test_package_checkers_report_nothing(wheel: Path) -> None:
    packages = sorted(map(str, wheel.parent.iterdir()))
    assert len(packages) == 2
    for command in (["twine", "check", "--strict", *packages], ["check-wheel-contents", str(wheel)]):
        tool = Path(sys.executable).with_name(command[0])
        checked = subprocess.run([tool, *command[1:]], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_wheel_has_each_file_of_the_package(wheel: Path) -> None:
    in_tree = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "bot").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    info = {name for name in names(wheel) if ".dist-info/" in name}
    assert names(wheel) - info == in_tree | {"bot/manifest.yml"}
    assert "bot/py.typed" in in_tree
    assert any(name.endswith("/licenses/LICENSE") for name in info)


def test_wheel_runs_in_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    """It has the Slack manifest inside, which a clone has beside the package."""
    installed, empty = tmp_path / "installed", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)  # noqa: S202 - just built
    ended = subprocess.run(
        [sys.executable, "-m", "bot", "manifest"],
        env={"PYTHONPATH": str(installed)},
        cwd=empty,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == (ROOT / "manifest.yml").read_text()
    assert list(empty.iterdir()) == []


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="only a clone knows the files of the repository")
def test_sdist_has_each_file_of_the_repository(wheel: Path) -> None:
    """So that a package of a Linux distribution can run the tests."""
    [sdist] = wheel.parent.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    files = {name for name in listed if (ROOT / name).exists()}
    assert len(files) > 100
    assert packed - {"PKG-INFO"} == files


def test_metadata_is_complete(metadata: Message) -> None:
    assert (metadata["Name"], metadata["Version"]) == ("studio-links", project()["project"]["version"])
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert dict(line.split(", ") for line in metadata.get_all("Project-URL", [])).keys() == {
        "Source",
        "Changelog",
        "Documentation",
        "Issues",
        "Security",
    }
    assert {"Typing :: Typed", "Operating System :: POSIX"} <= set(metadata.get_all("Classifier", []))


def test_readme_in_the_wheel_links_to_the_repository(metadata: Message) -> None:
    """The README is read on the index, too, where relative links lead nowhere."""
    links = re.findall(r"]\(([^)]+)\)", str(metadata.get_payload()))
    assert any(link.startswith(f"{SOURCE}/blob/v{our_version()}/docs/") for link in links)
    assert not [link for link in links if not re.match(r"https?://|#", link)]


def test_extras_are_for_users_and_explained(metadata: Message) -> None:
    """What development needs is a dependency group, which the wheel does not have."""
    extras = project()["project"]["optional-dependencies"]
    assert metadata.get_all("Provides-Extra") == sorted(extras)
    text = (ROOT / "pyproject.toml").read_text()
    assert all(re.search(rf"^# .+\n{name} = \[", text, re.MULTILINE) for name in extras)


def test_python_versions_agree(metadata: Message) -> None:
    """The oldest is what tools check against, and the image has one that the metadata names."""
    oldest = metadata["Requires-Python"].removeprefix(">=")
    named = re.findall(r"Python :: (3\.\d+)$", "\n".join(metadata.get_all("Classifier", [])), re.MULTILINE)
    assert named[0] == oldest == project()["tool"]["mypy"]["python_version"]
    assert project()["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    image = re.search(r"^ARG PYTHON=(3\.\d+)-", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert image is not None
    assert image[1] in named
