"""Every test logs at DEBUG into one folder, and a run in which a secret reached a log fails."""

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.observability import logs
from tests.leaks import find_leaks

LOG_FOLDER = Path(__file__).parent.parent / "build" / "test-logs"


def pytest_configure(config: pytest.Config) -> None:
    """Empty the folder, once for all worker processes of a run."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(LOG_FOLDER, ignore_errors=True)
        LOG_FOLDER.mkdir(parents=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole processes, real browsers and real clocks: on a machine that stalls, such a test may try once more.

    A second failure fails the run, and the summary lists every test that needed its second try.
    """
    for item in items:
        if item.path.parent.name in ("scenario", "browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Search everything that was logged, by the tests' own process and by the bots they started."""
    if hasattr(session.config, "workerinput"):
        return
    leaks = find_leaks(LOG_FOLDER)
    for leak in leaks:
        print(f"\nSECRET IN A LOG: {leak}")  # noqa: T201 - pytest's own report is closed by now
    if leaks:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def log_folder() -> Path:
    """Where logs go that shall be searched for secrets."""
    return LOG_FOLDER


@pytest.fixture(autouse=True)
def _log_at_debug(log_folder: Path) -> Iterator[None]:
    with (log_folder / f"tests-{os.getpid()}.log").open("a") as stream:
        logs.configure(level="DEBUG", style="json", stream=stream)
        for chatter in ("moto", "websockets", "hypothesis"):  # stand-ins: what they log is not the product's
            logging.getLogger(chatter).setLevel(logging.WARNING)
        yield
        logs.configure(level="WARNING", style="json")
