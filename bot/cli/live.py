"""The record of a live acceptance run, `doctor --live`: what was checked, when, and with which versions."""

import json
import platform
import shutil
import subprocess
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from bot import console
from bot.app.findings import Finding, Level
from bot.core.errors import BadInput
from bot.core.values import our_version, utc_now

# What the signature is for, so that it counts for nothing else: docs/RELEASING.md has the command that verifies it.
NAMESPACE = "studio-links"
QUESTION = "This creates a link into each mapped domain in AWS and discards it unseen. Go on?"


def prepare(record: Path, key: Path | None, *, yes: bool) -> None:
    """Ask before links are made, if somebody is there to answer.

    Raises:
        BadInput: the answer is no, or the record could not be written or signed afterwards.
    """
    for file in (record, Path(f"{record}.sig")):
        if file.exists():
            raise BadInput(f"{file} exists already: name another file with --record")
    if key is not None and (not key.is_file() or shutil.which("ssh-keygen") is None):
        raise BadInput(f"{key} cannot sign: name the file of an SSH key, and install ssh-keygen")
    if not console.agreed(QUESTION, yes=yes):
        raise BadInput("cancelled; no link was made")


def write(record: Path, key: Path | None, findings: Sequence[Finding], started: datetime) -> None:
    """Write the record and sign it; BadInput if it could not be signed."""
    failed = any(finding.level is Level.FAIL for finding in findings)
    packages = {name: version(name) for name in ("boto3", "slack-sdk")}
    content = {
        "result": "failed" if failed else "passed",
        "started": started,
        "ended": utc_now(),
        "versions": {"studio-links": our_version(), "python": platform.python_version(), **packages},
        "checks": findings,
    }
    with record.open("x", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(console.plain(content), indent=2, ensure_ascii=False) + "\n")
    if key is None:
        console.warn(f"{record} is not signed: sign it with `ssh-keygen -Y sign -n {NAMESPACE} -f KEY {record}`")
        return
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", NAMESPACE, "-f", str(key), str(record)]
    if subprocess.run(command, check=False).returncode:  # noqa: S603 - the caller's own key and file
        raise BadInput(f"{record} was written but not signed: sign it with `{' '.join(command)}`")
