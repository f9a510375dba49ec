"""`import` and `export` from the command line: refusals, writes and round trips."""

import csv
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bench import bare_writes
from bot import cli as commands
from bot.admin.bulk_import import Import
from bot.core.errors import BadInput
from bot.local.faults import Fault
from tests.preloaded import BotFork
from tests.scenario.conftest import Product
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("product")

COLUMNS = "principal,kind,alias,domain,profile,until,reason"


def run(*arguments: str) -> str:
    """Return the standard output of a command that must succeed."""
    result = CliRunner().invoke(commands.cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str) -> str:
    """Return the last line of a command that must fail."""
    with pytest.raises(BadInput) as caught:
        CliRunner().invoke(commands.cli, arguments, catch_exceptions=False)
    return str(caught.value)


def a_file(folder: Path, *rows: str, headings: str = COLUMNS) -> str:
    path = folder / "members.csv"
    path.write_text("\n".join([headings, *rows]) + "\n", encoding="utf-8")
    return str(path)


def exported(prefix: str = "U0") -> list[str]:
    """Return the exported lines of members whose id has this prefix."""
    return [line for line in run("export").splitlines() if line.startswith(prefix)]


def changes(user: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(run("history", user, "--json"))
    return entries


def test_imported_team_exports_unchanged(tmp_path: Path) -> None:
    file = a_file(
        tmp_path,
        "U0IA,mapping,,d-team,ana,,",
        "U0IB,mapping,sandbox,d-team,ben,,",
        "U0IA,allow,,,,2030-01-31,'=project; Falcon",
        'U0IB,deny,,,,,"stolen, ""again"""',
    )

    dry = run("import", file, "--dry-run")
    assert "4 rows: 4 to add, 0 to change, 0 unchanged" in dry
    assert "add\tU0IA\tmapping default" in dry
    assert exported("U0I") == []

    assert "4 rows: 4 added, 0 changed, 0 unchanged" in run("import", file)
    assert "4 rows: 0 added, 0 changed, 4 unchanged" in run("import", file)
    assert [entry["action"] for entry in changes("U0IA")] == ["import"]
    assert changes("U0IA")[0]["actor"].startswith("cli:arn:aws:sts::")

    before = run("export")
    (tmp_path / "again.csv").write_text(before, encoding="utf-8")
    assert " 0 added, 0 changed" in run("import", str(tmp_path / "again.csv"))
    assert run("export") == before
    assert sorted(line.split(",")[0:3] for line in exported("U0I")) == [
        ["U0IA", "allow", ""],
        ["U0IA", "mapping", "default"],
        ["U0IB", "deny", ""],
        ["U0IB", "mapping", "sandbox"],
    ]


def test_expired_rule_is_imported_with_a_warning(tmp_path: Path) -> None:
    ended = [f"U0IE{number},deny,,,,2020-01-31," for number in range(30)]
    file = a_file(tmp_path, "U0IEND,deny,,,,,", "U0IEMAP,mapping,,d-team,ended,,", *ended)

    for arguments in (["--dry-run"], ["--json"], []):
        result = CliRunner().invoke(commands.cli, ["import", file, *arguments])
        notes = [line for line in result.stderr.splitlines() if line.startswith("note: ")]
        assert result.exit_code == 0
        if arguments:
            [note] = notes
            assert note.startswith("note: 30 rules ended before now and are not in force: ")
            assert "deny U0IE0 ended 2020-02-01 00:00 UTC" in note
            assert "U0IEND" not in note
        else:
            assert notes == []  # no further writes


def test_export_returns_an_import_byte_by_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("import", a_file(tmp_path, "U0RA,mapping,,d-round,ana,,", "U0RA,allow,,,,2030-01-31T12:00,-5 <&> “x”"))
    file = tmp_path / "export.csv"
    file.write_text(run("export"), encoding="utf-8", newline="")
    assert json.loads(run("export", "--json")) == list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))

    monkeypatch.setenv("STUDIO_TABLE_PREFIX", "elsewhere-")
    run("tables", "create")
    run("import", str(file))

    assert run("export") == file.read_text(encoding="utf-8")


def test_import_shows_and_records_before_and_after(tmp_path: Path) -> None:
    run("import", a_file(tmp_path, "U0CH,mapping,,d-ch,old,,"))
    file = a_file(tmp_path, "U0CH,mapping,,d-ch,new,,", "U0CH,allow,,,,,")

    assert "profile_name: old → new" in run("import", file, "--dry-run")
    report = json.loads(run("import", file, "--json"))

    assert (report["added"], report["changed"], report["unchanged"]) == (1, 1, 0)
    entry = changes("U0CH")[0]
    assert entry["before"] == {"mapping#default": entry["before"]["mapping#default"]}
    assert entry["before"]["mapping#default"]["profile_name"] == "old"
    assert set(entry["after"]) == {"mapping#default", "grant#allow"}
    assert "mapping#default profile_name: old → new" in run("history", "U0CH")


def test_one_bad_row_stops_the_import_and_all_are_reported(product: Product, tmp_path: Path) -> None:
    file = a_file(tmp_path, "U0BA,allow,,,,,", "ana,mapping,,d-x,p,,", "U0BB,mapping,,bad,ana,,", "U0BA,allow,,,,,")

    ended = product.cli("import", file, check=False)

    assert ended.returncode == 1
    must = "it must be a Slack user id such as U0123ABCD", "it must be a SageMaker domain id such as d-abc123"
    assert ended.stderr.splitlines() == [
        f"studio-links: {file}: line 3, column A: principal 'ana' is not valid: {must[0]}",
        f"studio-links: {file}: line 4, column D: domain 'bad' is not valid: {must[1]}",
        f"studio-links: {file}: line 5: U0BA has a rule of the kind allow on line 2 already: keep one of them",
        f"studio-links: {file}: 3 problems; nothing was written",
    ]
    assert exported("U0B") == []


def test_profile_of_another_member_stops_the_import(tmp_path: Path) -> None:
    run("map", "U0HOLDER", "--domain", "d-held", "--profile", "Held", "--force")
    file = a_file(tmp_path, "U0TA,allow,,,,,", "U0TB,mapping,,d-held,held,,")

    assert "1 problem; nothing was written" in refused("import", file)
    assert exported("U0T") == []


BROKEN = {
    "not UTF-8": (b"principal,kind\nU0X,\xe4llow\n", "1 problem; nothing was written"),
    "half of UTF-16": ("principal,kind\n".encode("utf-16")[:-1], "is damaged UTF-16: save it as"),
    "empty": (b"", "1 problem; nothing was written"),
    "columns cut with bars": (b"principal|kind\nU0X|allow\n", "1 problem; nothing was written"),
    "not a table at all": (b"%PDF-1.7\x00\x01", "1 problem; nothing was written"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_file_of_another_kind_is_refused(tmp_path: Path, case: str) -> None:
    content, expected = BROKEN[case]
    path = tmp_path / "broken.csv"
    path.write_bytes(content)

    assert expected in refused("import", str(path))


def test_import_reads_standard_input() -> None:
    file = b"principal,kind,reason\nU0STDIN,allow,x\n"

    result = CliRunner().invoke(commands.cli, ["import", "-", "--dry-run"], input=file)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("add\tU0STDIN\tgrant allow\t")


def test_missing_or_oversized_file_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.csv"
    with large.open("wb") as stream:
        stream.truncate(300 * 1024 * 1024)

    assert "more than 256: import it in parts" in refused("import", str(large))
    assert CliRunner().invoke(commands.cli, ["import", str(tmp_path / "none.csv")]).exit_code == 2
    assert CliRunner().invoke(commands.cli, ["import", str(tmp_path)]).exit_code == 2


def test_import_problems_are_printed_as_json(tmp_path: Path, product: Product) -> None:
    ended = product.cli("import", a_file(tmp_path, "nobody,allow,,,,,"), "--json", check=False)

    report = json.loads(ended.stdout)
    assert (ended.returncode, report["written"], len(report["problems"]), report["more"]) == (1, False, 1, 0)


def test_import_waits_out_throttling(product: Product, tmp_path: Path) -> None:
    product.aws.inject("TransactWriteItems", Fault("ThrottlingException", times=3))

    assert "1 added" in run("import", a_file(tmp_path, "U0SLOW,allow,,,,,"))


def test_killed_import_is_finished_by_the_next_one(product: Product, tmp_path: Path) -> None:
    users = [f"U0KILL{number:03}" for number in range(120)]
    file = a_file(tmp_path, *(f"{user},allow,,,,," for user in users))
    product.aws.inject("TransactWriteItems", Fault(delay=0.05, times=60))
    earlier = product.aws.calls.count("TransactWriteItems")
    importing = BotFork(["import", file], env=os.environ, output=Path(os.devnull))
    wait_until(lambda: product.aws.calls.count("TransactWriteItems") >= earlier + 20)
    importing.kill()
    assert importing.wait(5) == -signal.SIGKILL
    product.aws.clear_faults()

    there = len(exported("U0KILL"))
    report = json.loads(run("import", file, "--json"))

    assert 0 < there < len(users)
    assert report["added"] + report["unchanged"] == len(users)
    assert len(exported("U0KILL")) == len(users)
    recorded = json.loads(run("history", "--since", "1h", "--json", "--limit", "10000"))
    assert sorted(e["subject"] for e in recorded if e["subject"].startswith("U0KILL")) == users


def test_interrupted_import_says_what_was_done_and_goes_on(product: Product, tmp_path: Path) -> None:
    users = [f"U0INT{number:03}" for number in range(120)]
    file, said = a_file(tmp_path, *(f"{user},allow,,,,," for user in users)), tmp_path / "said"
    product.aws.inject("TransactWriteItems", Fault(delay=0.05, times=60))
    earlier = product.aws.calls.count("TransactWriteItems")
    importing = BotFork(["import", file], env=os.environ, output=said)
    wait_until(lambda: product.aws.calls.count("TransactWriteItems") >= earlier + 20)
    importing.send_signal(signal.SIGINT)
    assert importing.wait(10) == 130
    product.aws.clear_faults()

    there = len(exported("U0INT"))

    assert 0 < there < len(users)
    assert f"interrupted: {there} of {len(users)} members and groups were written" in said.read_text()
    assert json.loads(run("import", file, "--json"))["added"] == len(users) - there


def test_import_interrupted_before_it_writes_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Import, "compare", interrupt)

    ended = CliRunner().invoke(commands.cli, ["import", a_file(tmp_path, "U0NOT,allow,,,,,")])

    assert (ended.exit_code, ended.stderr) == (130, "studio-links: interrupted: nothing was written\n")


def test_bare_writes_are_made_and_a_refused_one_ends_them(
    product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = {"TableName": "studio-links-runtime", "ConditionExpression": "attribute_not_exists(id)"}
    puts = [{"Put": {**table, "Item": {"id": {"S": f"bare-{number}"}}}} for number in range(20)]
    bodies = tmp_path / "bodies.jsonl"
    bodies.write_text("".join(json.dumps({"TransactItems": [put]}) + "\n" for put in puts))
    monkeypatch.setattr("sys.argv", ["bare_writes", product.aws.endpoint, str(bodies)])

    bare_writes.main()

    with pytest.raises(RuntimeError, match="ConditionalCheckFailed"):
        bare_writes.main()
