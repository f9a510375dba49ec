"""The port suites against another implementation of DynamoDB, whose address `DYNAMODB_ENDPOINT` names."""

import os
import subprocess
import sys
from pathlib import Path

from bot.local.aws.stand_in import LocalAws

ROOT = Path(__file__).parent.parent.parent


def test_port_suite_runs_against_another_dynamodb(log_folder: Path) -> None:
    logged = log_folder / "before-another-run.log"
    logged.touch()
    with LocalAws() as other:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contract/test_choices_port.py"],
            cwd=ROOT,
            env={**environment, "DYNAMODB_ENDPOINT": other.url},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert ended.returncode == 0, ended.stdout
    assert {"CreateTable", "PutItem", "TransactWriteItems"} <= set(other.calls)
    assert logged.exists()  # the run that this test belongs to still has to search its logs
