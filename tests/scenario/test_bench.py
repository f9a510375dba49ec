"""Count the round trips of a link, against the stand-ins of the benchmark; every program of it delivers links."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.__main__ import Cell, Ground, Level, bot, ground
from bench.processes import line_process
from bench.slack import Command, Plan


@pytest.fixture(scope="module")
def where() -> Iterator[Ground]:
    with ground() as (where, _):
        yield where


@pytest.fixture(scope="module")
def cells(where: Ground, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cell]:
    """Measure links for members whom the process has not seen, and then for members whom it has."""
    log: Path = tmp_path_factory.mktemp("bench") / "bot.log"
    levels = [Level("new", at_once=4, count=20, seen=False), Level("seen", at_once=4, count=20)]
    cells = {level.name: Cell() for level in levels}
    with bot(where, log, "bot") as (pid, port):
        where.measure(Cell(), levels[1], where.slack, pid, port)
        for level in levels:
            where.measure(cells[level.name], level, where.slack, pid, port)
    return cells


def test_every_command_gets_a_link(cells: dict[str, Cell]) -> None:
    for cell in cells.values():
        assert (cell.links, cell.lost) == (20, 0)
        assert max(cell.acks(99)) < 1000


def test_link_costs_a_fixed_number_of_round_trips(cells: dict[str, Cell]) -> None:
    aws = {"DynamoDB TransactWriteItems": 20, "DynamoDB BatchGetItem": 20, "DynamoDB UpdateItem": 20}
    aws["SageMaker CreatePresignedDomainUrl"] = 20

    # New to the installation, too: what Slack says of them is kept.
    asked = {"Slack users.info": 20, "DynamoDB PutItem": 20}
    assert cells["new"].calls == {**aws, **asked, "Slack response_url": 20}
    assert cells["seen"].calls == {**aws, "Slack response_url": 20}


@pytest.mark.parametrize("name", ["naive", "tuned"])
def test_other_bots_deliver_a_link(where: Ground, tmp_path: Path, name: str) -> None:
    with bot(where, tmp_path / "bot.log", name) as (_, port):
        report = where.slack.run(Plan(port, count=1, at_once=1))
    assert (report.links, report.lost) == (1, 0)


def test_floor_delivers_a_link(where: Ground) -> None:
    with line_process("bench.floor", where.aws.first_reply, where.slack.first_reply) as floor:
        assert floor.run(Plan(0, count=1, at_once=1)).links == 1


@pytest.mark.parametrize(
    ("command", "ending"),
    [
        (Command(b"", acked=1.0, delivered=2.0, link=True), None),
        (Command(b"", acked=1.0, delivered=2.0, answer="Busy"), "Busy"),
        (Command(b"", acked=1.0), "an acknowledgement, but no answer"),
        (Command(b"", delivered=2.0, link=True), "a link, but no acknowledgement"),
        (Command(b""), "no acknowledgement"),
    ],
)
def test_command_says_why_it_has_no_link(command: Command, ending: str | None) -> None:
    assert command.ending == ending
