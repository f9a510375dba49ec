"""Everything that goes into a release is pinned, and the workflows that make it have the fewest permissions."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points, packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.utils import canonicalize_name

from bot.core.values import our_version

ROOT = Path(__file__).parent.parent.parent
WORKFLOWS = ROOT / ".github" / "workflows"
LOCKS = sorted(ROOT.glob("requirements*.txt"))
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
# The permissions of a job beside reading the source: signing is no right to write the source or packages.
PERMISSIONS = {
    "test": {},
    "build": {},
    "sign": {"id-token": "write", "attestations": "write"},
    "image": {"packages": "write"},
    "index": {"packages": "write", "id-token": "write", "attestations": "write"},
    "draft": {"contents": "write"},
    "publish": {"id-token": "write"},
}


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    """Run a tool of our virtual environment."""
    tool = Path(sys.executable).with_name(command[0])
    return subprocess.run([tool, *command[1:]], capture_output=True, text=True, cwd=ROOT, check=False)


def workflow(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((WORKFLOWS / name).read_text())
    return loaded


def pins(lock: Path) -> dict[str, set[str]]:
    """Return each `name==version` of a lock file, without extras, and its hashes."""
    found: dict[str, set[str]] = {}
    name = ""
    for line in lock.read_text().splitlines():
        if pin := re.match(r"([a-z0-9-]+)(?:\[[\w,-]+\])?==(\S+)", line):
            name = f"{pin[1]}=={pin[2]}"
            found[name] = set()
        found.setdefault(name, set()).update(re.findall(r"--hash=sha256:([0-9a-f]{64})", line))
    assert not found.pop("", set())
    return found


# Lock files


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_lock_file_pins_hashes_and_names_no_index(lock: Path) -> None:
    text = lock.read_text()
    assert all(pins(lock).values())
    assert not re.search(r"^\s*(-i|--(extra-)?index-url|--find-links|--trusted-host)\b|://|@ ", text, re.MULTILINE)


def test_lock_of_traces_adds_to_the_production_lock() -> None:
    production, traces = (pins(ROOT / f"requirements{name}.txt") for name in ("", "-otel"))
    assert {name: traces.get(name) for name in production} == production
    assert {"opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"} <= {
        name.partition("==")[0] for name in set(traces) - set(production)
    }


def test_tests_build_with_what_a_release_builds_with() -> None:
    building, development = (pins(ROOT / f"requirements-{name}.txt") for name in ("build", "dev"))
    assert building
    assert {name: development.get(name) for name in building} == building


def imports(node: ast.AST) -> Iterator[str]:
    """Yield the top-level packages that a module imports when it runs."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.Import):
            yield from (each.name.partition(".")[0] for each in child.names)
        if isinstance(child, ast.ImportFrom) and child.module:
            yield child.module.partition(".")[0]
        yield from imports(child)


def test_production_imports_only_pinned_packages() -> None:
    """A package that is there for the tests alone would be missing in the image and on Heroku."""
    production, traces = (
        {pin.partition("==")[0] for pin in pins(ROOT / f"requirements{name}.txt")} for name in ("", "-otel")
    )
    shipped = [path for path in (ROOT / "bot").rglob("*.py") if not path.is_relative_to(ROOT / "bot" / "local")]
    used = {name for path in shipped for name in imports(ast.parse(path.read_text()))}
    foreign = used - sys.stdlib_module_names - {"bot"}
    distributions = packages_distributions()

    assert len(foreign) > 10
    for name in foreign:
        pinned = traces if name == "opentelemetry" else production  # the bot does without traces
        assert pinned & set(map(canonicalize_name, distributions.get(name, ()))), name


# The SBOM


@pytest.mark.filterwarnings("ignore")  # the tool warns of its own code
def test_sbom_is_valid_and_lists_the_production_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process, where jsonschema imports in a fifth of the time: see tests/conftest.py."""
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    recipe = re.search(r"\$\(BIN\)/(cyclonedx-py .*)", makefile)
    assert recipe is not None
    assert "--validate" in recipe[1]  # against CycloneDX's schema, before it writes anything
    output = tmp_path / "sbom.json"
    program, *arguments = recipe[1].replace("build/sbom.json", str(output)).split()
    [command] = entry_points(group="console_scripts", name=program)
    monkeypatch.chdir(ROOT)
    assert command.load()(argv=arguments) == 0, capsys.readouterr().err
    sbom = json.loads(output.read_text())
    assert (sbom["bomFormat"], sbom["metadata"]["component"]["version"]) == ("CycloneDX", our_version())
    assert sbom["metadata"]["component"]["name"] == "studio-links"
    listed = {
        f"{part['name']}=={part['version']}": {
            each["content"] for link in part["externalReferences"] for each in link["hashes"]
        }
        for part in sbom["components"]
    }
    assert listed == pins(ROOT / "requirements.txt")
    assert {part["purl"] for part in sbom["components"]} == {
        f"pkg:pypi/{name.replace('==', '@')}" for name in pins(ROOT / "requirements.txt")
    }


# Images


def test_base_image_is_named_by_digest() -> None:
    text = (ROOT / "Dockerfile").read_text()
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)$", text, re.MULTILINE))
    images = re.findall(r"^FROM (?!scratch )(\S+)", text, re.MULTILINE)
    assert len(images) > 1
    for image in images:
        named = re.sub(r"\$\{(\w+)\}", lambda name: arguments[name[1]], image)
        assert DIGEST.search(named), named
        assert named == workflow("ci.yml")["jobs"]["test"]["container"]


# Workflows


def test_zizmor_reports_nothing() -> None:
    audited = run(
        "zizmor", "--offline", "--no-progress", "--persona", "pedantic", "--strict-collection", str(WORKFLOWS.parent)
    )
    assert audited.returncode == 0, audited.stdout + audited.stderr


def test_actionlint_reports_nothing() -> None:
    linted = run("actionlint", *map(str, sorted(WORKFLOWS.glob("*.yml"))))
    assert (linted.returncode, linted.stdout) == (0, "")


@pytest.mark.parametrize("name", ["ci.yml", "release.yml"])
def test_actions_are_named_by_commit(name: str) -> None:
    """A tag or a branch can be moved to other code, also by somebody who has taken the action over."""
    used = re.findall(r"uses: (\S+)(.*)", (WORKFLOWS / name).read_text())
    foreign = [(action, rest) for action, rest in used if not action.startswith("./")]
    assert foreign
    for action, rest in foreign:
        assert re.search(r"@[0-9a-f]{40}$", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", rest), action


def test_jobs_have_only_the_permissions_they_need() -> None:
    release = workflow("release.yml")
    assert (release["permissions"], workflow("ci.yml")["permissions"]) == ({}, {})
    given = {
        name: {right: level for right, level in job["permissions"].items() if (right, level) != ("contents", "read")}
        for name, job in release["jobs"].items()
    }
    assert given == PERMISSIONS


def test_image_has_the_wheel_that_is_signed() -> None:
    """One build makes what people install, and what the image runs."""
    jobs = workflow("release.yml")["jobs"]
    steps = {name: jobs[name]["steps"] for name in ("build", "sign", "image", "publish")}
    [uploaded] = [step["with"]["name"] for step in steps["build"] if "upload-artifact" in step.get("uses", "")]
    for name in ("sign", "image", "publish"):
        taken = [step["with"] for step in steps[name] if "download-artifact" in step.get("uses", "")]
        assert taken == [{"name": uploaded, "path": "dist"}]
    [built] = [step["run"] for step in steps["image"] if "docker buildx build" in step.get("run", "")]
    assert " --build-context wheel=dist/packages " in built
    assert any("--outdir dist/packages" in step.get("run", "") for step in steps["build"])


def test_releases_take_no_stored_secret() -> None:
    """Signing and publishing use identities of the run; the only token is the run's own."""
    for path in WORKFLOWS.glob("*.yml"):
        assert "secrets." not in path.read_text()
    publish = workflow("release.yml")["jobs"]["publish"]
    assert publish["environment"]["name"] == "pypi"
    assert "password" not in json.dumps(publish)
