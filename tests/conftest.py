"""Every test logs at DEBUG into one folder, and a run in which a secret reached a log fails."""

import gc
import logging
import os
import shutil
import sys
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from typing import TextIO

import botocore.session
import pytest
from botocore.loaders import create_loader
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from bot.observability import logs
from tests.leaks import find_leaks
from tests.packages import build_packages

LOG_FOLDER = Path(__file__).parent.parent / "build" / "test-logs"
# Set under `make coverage`: it has every subprocess measure itself, which slows processes down that tests wait for.
# Only the bot that a module's tests share gets it.
COVERAGE = {name: os.environ.pop(name) for name in ("COVERAGE_PROCESS_CONFIG",) if name in os.environ}

# Collecting makes hundreds of thousands of objects that all stay, and the garbage collector would look through them
# again and again, which takes half of the time. It starts when they are complete, and leaves them out.
gc.disable()

# Each session of botocore would parse its services' models again, which takes half a second for SageMaker's.
setattr(botocore.session, "create_loader", cache(create_loader))  # noqa: B010 - mypy rejects the assignment

# jsonschema would import it for a format that no schema here has, and it compiles a grammar for more than a second.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


# Starting Chromium takes seconds. Modules of one scope run on one worker, so two workers start one each.
SCOPES = {
    "tests/browser/test_accessibility.py": "tests/browser/test_surfaces.py",
    "tests/browser/test_admin_page.py": "tests/browser/test_link.py",
}

# These take the longest, and start first: at the end of a run there is a short module left for each worker.
LONGEST = [
    "scenario/test_faults.py",
    "browser/test_admin_page.py",
    "browser/test_link.py",
    "scenario/test_cli.py",
    "browser/test_accessibility.py",
    "browser/test_surfaces.py",
    "scenario/test_deployment.py",
    "scenario/test_identity.py",
    "scenario/test_doctor.py",
    "scenario/test_access_requests.py",
    "scenario/test_init.py",
    "scenario/test_sync.py",
    "contract/test_audit_verify.py",
    "contract/test_local_aws.py",
]


class _ByModule(LoadFileScheduling):  # type: ignore[misc] # xdist has no type information
    """Modules by worker, as `--dist loadfile`, except for those that share a scope."""

    def _split_scope(self, nodeid: str) -> str:
        module: str = super()._split_scope(nodeid)
        return SCOPES.get(module, module)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Return the scheduler of `--dist loadfile`."""
    return _ByModule(config, log) if config.getoption("dist") == "loadfile" else None


def _worker() -> tuple[int, int]:
    """Return this worker's number and how many there are: 0 of 1 without workers."""
    number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return int(number), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


def _folders(config: pytest.Config) -> list[Path]:
    """Return the folders of modules that the run names; none if it names anything else."""
    named = [Path(argument).resolve() for argument in config.args]
    return named if all(each.is_dir() and each.parent == Path(__file__).parent for each in named) else []


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Start each worker at another module of a folder.

    On a clean checkout pytest compiles each module. Workers that start at the same one all compile all modules;
    now each compiles a part and reads the other parts from the cache.
    """
    report = yield
    number, workers = _worker()
    if collector.path in _folders(collector.config) and isinstance(collector, pytest.Dir) and report.passed:
        start = len(report.result) * number // workers
        report.result = [*report.result[start:], *report.result[:start]]
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the folders' modules into one order, since all workers have to report the same."""
    folders = _folders(config)

    def place(item: pytest.Item) -> tuple[int, int, str]:
        name = f"{item.path.parent.name}/{item.path.name}"
        rank = LONGEST.index(name) if name in LONGEST else len(LONGEST)
        return rank, folders.index(item.path.parent), item.path.name

    if folders:
        items.sort(key=place)


def pytest_collection_finish() -> None:
    """Start the garbage collector, without what was collected."""
    gc.freeze()
    gc.enable()


def _is_main_process() -> bool:
    """Return whether this is the process of the run itself, not of a worker or of a pytest that a test starts."""
    return os.environ.setdefault("TEST_RUN_PID", str(os.getpid())) == str(os.getpid())


def pytest_configure() -> None:
    """Empty the folder, once for all processes of a run."""
    if _is_main_process():
        shutil.rmtree(LOG_FOLDER, ignore_errors=True)
        LOG_FOLDER.mkdir(parents=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Search everything that was logged, by the tests' own process and by the bots they started."""
    if not _is_main_process():
        return
    leaks = find_leaks(LOG_FOLDER)
    for leak in leaks:
        print(f"\nSECRET IN A LOG: {leak}")  # noqa: T201 - pytest's own report is closed by now
    if leaks:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def log_folder() -> Path:
    """The file of logs that tests search for secrets."""
    return LOG_FOLDER


@pytest.fixture(scope="session")
def coverage_environment() -> dict[str, str]:
    """Variables with which a subprocess measures its coverage; empty if it is not measured."""
    return COVERAGE


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree. tests/unit/test_packages.py makes it from an sdist, which takes twice as long."""
    return build_packages(tmp_path_factory.mktemp("dist"), "--wheel")


@pytest.fixture(scope="session")
def _log_file(log_folder: Path) -> Iterator[TextIO]:
    with (log_folder / f"tests-{os.getpid()}.log").open("a") as stream:
        yield stream
        logs.configure(level="WARNING", style="json")


@pytest.fixture(autouse=True)
def _log_at_debug(_log_file: TextIO) -> None:
    """Log into the file, unless the test before did: setting up the loggers takes as long as many a test."""
    if not any(getattr(handler, "stream", None) is _log_file for handler in logging.root.handlers):
        logs.configure(level="DEBUG", style="json", stream=_log_file)
        for chatter in ("moto", "websockets", "hypothesis"):  # stand-ins: what they log is not the product's
            logging.getLogger(chatter).setLevel(logging.WARNING)
