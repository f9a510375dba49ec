"""What the Slack CLI does with the hooks of a project: https://docs.slack.dev/tools/slack-cli/reference/hooks"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
OWN = json.loads((ROOT / ".slack/hooks.json").read_text())


def run_hook(command: str) -> Any:
    """Run a hook in a shell, as the CLI does, and return the JSON that it prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(
        ["sh", "-c", command],
        env={**os.environ, "PATH": path},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def hooks() -> dict[str, Any]:
    """Return the project's hooks and configuration, over those that Slack's library offers."""
    offered = run_hook(OWN["hooks"]["get-hooks"])
    return {**offered, **{part: {**offered[part], **OWN[part]} for part in ("hooks", "config")}}
