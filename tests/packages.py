"""The sdist and the wheel, as a release builds them."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
REPOSITORY = "someone/studio-links"  # as GitHub names the one that a workflow runs for


def build_packages(folder: Path, *options: str) -> Path:
    """Build the sdist, and from it the wheel, into a folder, without network. Return the wheel."""
    command = [sys.executable, "-m", "build", "--no-isolation", *options, "--outdir", str(folder), str(ROOT)]
    environment = {**os.environ, "GITHUB_REPOSITORY": REPOSITORY}
    built = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    [wheel] = folder.glob("*.whl")
    return wheel
