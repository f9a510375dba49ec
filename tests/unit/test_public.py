"""Each fault that was reported in public has a test, which `make public` runs."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
REPORTED = set(range(1, 35))


def test_every_reported_fault_has_a_test() -> None:
    marked = {
        int(number)
        for path in TESTS.rglob("test_*.py")
        for number in re.findall(r"pytest\.mark\.public\((\d+)\)", path.read_text(encoding="utf-8"))
    }
    assert marked == REPORTED
