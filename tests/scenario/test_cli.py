"""The command line: output, refusals and audit entries."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from bot import cli as commands
from bot.admin.commands import ParseError
from bot.core.errors import StudioLinksError
from bot.core.values import CONTROL, InvalidValue
from bot.local.faults import Fault
from tests.preloaded import run_bot
from tests.scenario.conftest import Product, create_domain, create_profile

pytestmark = pytest.mark.usefixtures("product")


def run(*arguments: str) -> str:
    """Return the standard output of a command that must succeed."""
    result = CliRunner().invoke(commands.cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def fails(*arguments: str) -> str:
    """Return the one line with which a command failed."""
    with pytest.raises((StudioLinksError, InvalidValue, ParseError)) as caught:
        CliRunner().invoke(commands.cli, arguments, catch_exceptions=False)
    line = str(caught.value)
    assert "\n" not in line
    return line


def in_a_process(product: Product, *arguments: str) -> "CompletedProcess[str]":
    """Run a command in its own process: all stand-ins of a process share moto's state."""
    return run_bot(*arguments, env={**os.environ, **product.environment})


def read(*arguments: str) -> Any:
    result = CliRunner().invoke(commands.cli, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_member_is_mapped_allowed_shown_and_explained(product: Product) -> None:
    create_profile(product.domain_id, "one")
    product.slack.add_member("U0ONE", "one")

    assert "is mapped to one" in run("map", "U0ONE", "--domain", product.domain_id, "--profile", "one")
    assert "would be refused: not_allowed" in run("explain", "U0ONE")
    assert "allow U0ONE until" in run("allow", "U0ONE", "--until", "30d", "--reason", "Falcon")
    assert "would get a link" in run("explain", "U0ONE")

    shown = read("show", "U0ONE")
    assert shown["mappings"][0]["profile_arn"].endswith(f"user-profile/{product.domain_id}/one")
    assert shown["grants"][0]["reason"] == "Falcon"
    assert "U0ONE" in [row["user"] for row in read("list")]
    assert "Falcon" in run("list")
    explained = read("explain", "U0ONE")
    assert (explained["allowed"], explained["slack_asked"]) == (True, True)
    assert (explained["choices"], explained["sagemaker_unknown"]) == ([], None)
    assert explained["checks"][-1]["name"] == "SageMaker"
    run("map", "U0ONE", "--domain", product.domain_id, "--profile", "two", "--alias", "two", "--force")
    assert "U0ONE would be asked which to open: default, two" in run("explain", "U0ONE")
    assert (read("explain", "U0ONE")["choices"], read("explain", "U0ONE")["reason"]) == (["default", "two"], "choose")
    run("unmap", "U0ONE", "--alias", "two")
    assert explained["checks"][0]["name"] == "full member"


def test_repeated_command_changes_nothing_and_says_so(product: Product) -> None:
    arguments = ("map", "U0TWICE", "--domain", product.domain_id, "--profile", "twice", "--force")
    run(*arguments)
    run("allow", "U0TWICE")

    assert "nothing to change" in run(*arguments)
    assert "nothing to change" in run("allow", "U0TWICE")
    assert len(read("history", "U0TWICE")) == 2


def test_profile_names_ignore_case(product: Product) -> None:
    run("map", "U0OWNER", "--domain", product.domain_id, "--profile", "Shared", "--force")

    line = fails("map", "U0OTHER", "--domain", product.domain_id, "--profile", "sHARED", "--force")

    assert "already mapped to" in line
    assert "U0OWNER" in line
    run("unmap", "U0OWNER")
    run("map", "U0OTHER", "--domain", product.domain_id, "--profile", "sHARED", "--force")


def test_map_refuses_what_cannot_work_unless_forced(product: Product) -> None:
    ghost = ("map", "U0GHOST", "--domain", product.domain_id, "--profile", "ghost")
    assert "nothing was mapped: there is no profile ghost" in fails(*ghost)
    assert read("show", "U0GHOST")["mappings"] == []
    assert "there is no profile ghost" in run(*ghost, "--force")
    sso = ("map", "U0SSO", "--domain", create_domain("cli-sso", "SSO"), "--profile", "sso")
    assert "IAM Identity Center" in fails(*sso)
    assert "IAM Identity Center" in run(*sso, "--force")
    run("allow", "U0SSO")
    product.slack.add_member("U0SSO", "sso")
    assert "would be refused: domain_sso, and sent to http" in run("explain", "U0SSO")
    product.aws.inject("DescribeDomain", Fault("ThrottlingException", times=2))
    assert "throttles" in run("map", "U0SLOW", "--domain", product.domain_id, "--profile", "slow")


BAD = {
    "an invalid user": ("map", "ana", "--domain", "d-1", "--profile", "p"),
    "a user in lower case": ("allow", "u0123"),
    "an admin rule for a group": ("admin", "S0123"),
    "an invalid domain": ("map", "U0X", "--domain", "BAD!", "--profile", "p"),
    "an invalid profile": ("map", "U0X", "--domain", "d-1", "--profile", "-p"),
    "a foreign landing page": ("map", "U0X", "--domain", "d-1", "--profile", "p", "--landing", "https://evil/"),
    "a session that is too short": ("map", "U0X", "--domain", "d-1", "--profile", "p", "--session-seconds", "60"),
    "an invalid region": ("map", "U0X", "--domain", "d-1", "--profile", "p", "--region", "mars"),
    "an invalid role": ("map", "U0X", "--domain", "d-1", "--profile", "p", "--role-arn", "admin"),
    "an invalid space": ("map", "U0X", "--domain", "d-1", "--profile", "p", "--space", "my space"),
    "a command word as alias": ("map", "U0X", "--domain", "d-1", "--profile", "p", "--alias", "help"),
    "an invalid time": ("allow", "U0X", "--until", "soon"),
    "an invalid team": ("show", "U0X", "--team", "acme"),
    "a reason that is too long": ("allow", "U0X", "--reason", "x" * 501),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_the_allowed_values(case: str) -> None:
    line = fails(*BAD[case])

    assert "must be" in line or "write 8h" in line


def test_unmap_of_several_needs_an_alias(product: Product) -> None:
    run("map", "U0MANY", "--domain", product.domain_id, "--profile", "many-a", "--alias", "a", "--force")
    run("map", "U0MANY", "--domain", product.domain_id, "--profile", "many-b", "--alias", "b", "--force")

    assert "has these mappings: a, b" in fails("unmap", "U0MANY")
    assert "no longer mapped to many-a" in run("unmap", "U0MANY", "--alias", "a")
    assert "no longer mapped to many-b" in run("unmap", "U0MANY")
    assert "has these mappings: none" in fails("unmap", "U0MANY")


def test_deny_applies_until_forgotten() -> None:
    run("deny", "U0BAD", "--reason", "laptop stolen")
    allowed = run("allow", "U0BAD")
    assert "U0BAD is still blocked: a deny rule overrides every allow rule.\n" in allowed
    assert "a deny rule overrides it" in allowed
    assert "removed: deny U0BAD (laptop stolen)" in run("forget", "U0BAD")
    assert "there is no rule" in fails("forget", "U0BAD")
    assert "that time has passed" in run("allow", "U0BAD", "--until", "2020-01-01")


def test_history_shows_actor_before_and_after(product: Product) -> None:
    run("map", "U0HIST", "--domain", product.domain_id, "--profile", "hist-a", "--force")
    assert "before: default: hist-a" in run(
        "map", "U0HIST", "--domain", product.domain_id, "--profile", "hist-b", "--force"
    )
    run("allow", "U0HIST", "--until", (datetime.now(UTC) + timedelta(days=1)).isoformat())
    assert "before: allow U0HIST until" in run("allow", "U0HIST")

    entries = read("history", "U0HIST", "--since", "1h")

    assert [entry["action"] for entry in entries] == ["allow", "allow", "map", "map"]
    assert entries[2]["before"]["profile_name"] == "hist-a"
    assert entries[2]["after"]["profile_name"] == "hist-b"
    assert all(entry["actor"].startswith("cli:arn:aws:sts::") for entry in entries)
    everybody = read("history", "--since", "2d", "--limit", "2")
    assert len(everybody) == 2
    assert run("history", "U0NOBODY") == ""


def test_filtered_history_as_csv_has_no_formulas(product: Product) -> None:
    today = datetime.now(UTC).date().isoformat()
    run("map", "U0CSV", "--domain", product.domain_id, "--profile", "csv-a", "--force")
    run("map", "U0CSV", "--domain", product.domain_id, "--profile", "csv-b", "--force")
    run("deny", "U0CSV", "--reason", "=cmd|' /C calc'!A0")

    rows = list(csv.DictReader(io.StringIO(run("history", "U0CSV", "--day", today, "--csv"))))

    assert [row["action"] for row in rows] == ["deny", "map", "map"]
    assert json.loads(rows[1]["before"])["profile_name"] == "csv-a"
    assert not any((cell or "").startswith("=") for row in rows for cell in row.values())
    assert "profile_name: csv-a → csv-b" in run("history", "U0CSV")
    assert read("history", "U0CSV", "--outcome", "issued") == []
    assert len(read("history", "U0CSV", "--by", "cli:arn:aws:sts")) == 3
    assert read("history", "--day", "2020-01-31") == []
    assert "must be one of issued" in fails("history", "--outcome", "allright")
    assert "must be a day" in fails("history", "--day", "monday")
    for both in (("--day", today, "--since", "1d"), ("--json", "--csv")):
        assert commands.run(["history", *both]) == 2
    assert read("history", "U0CSV", "--outcome", "approved") == []


def test_change_without_sts_is_recorded_with_the_access_key(product: Product) -> None:
    product.aws.inject("GetCallerIdentity", Fault("AccessDenied", status=403))
    actor = f"cli:key/{product.environment['AWS_ACCESS_KEY_ID']}"

    assert f"the audit records {actor}" in CliRunner().invoke(commands.cli, ["allow", "U0ANON"]).stderr

    assert read("history", "U0ANON")[0]["actor"] == actor


GARBAGE = {
    "no ARN": "<Arn>hello</Arn>",
    "two": "<Arn>arn:aws:iam::123456789012:user/a</Arn><Arn>arn:aws:iam::123456789012:user/b</Arn>",
    "endless": f"<Arn>arn:aws:iam::123456789012:user/{'a' * 500_000}</Arn>",
    "empty": "<Arn></Arn>",
}


@pytest.mark.parametrize("named", GARBAGE.values(), ids=GARBAGE)
@pytest.mark.parametrize("command", ["deny U0GARBAGE", "lockdown on --reason test"])
def test_garbage_from_sts_does_not_end_an_emergency(product: Product, command: str, named: str) -> None:
    space = "https://sts.amazonaws.com/doc/2011-06-15/"
    result = f"<GetCallerIdentityResult>{named}</GetCallerIdentityResult>"
    result += "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"
    body = f'<GetCallerIdentityResponse xmlns="{space}">{result}</GetCallerIdentityResponse>'
    product.aws.inject("GetCallerIdentity", Fault(body=body.encode(), status=200))
    actor = f"cli:key/{product.environment['AWS_ACCESS_KEY_ID']}"

    done = product.cli(*command.split(), "--json")

    assert (done.returncode, f"the audit records {actor}" in done.stderr) == (0, True)
    undo = ("lockdown", "off") if command.startswith("lockdown") else ("forget", "U0GARBAGE")
    assert product.cli(*undo).returncode == 0


def test_history_notes_only_a_cut_off_list() -> None:
    for until in ("1d", "2d", "3d"):
        run("allow", "U0LONG", "--until", until)

    cut = CliRunner().invoke(commands.cli, ["history", "U0LONG", "--limit", "2"])
    whole = CliRunner().invoke(commands.cli, ["history", "U0LONG", "--limit", "3"])

    assert (len(cut.stdout.splitlines()), "only the newest" in cut.stderr) == (2, True)
    assert (len(whole.stdout.splitlines()), whole.stderr) == (3, "")


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["at the end", "at once"])
def test_full_disk_is_reported_in_one_line(product: Product, unbuffered: str) -> None:
    product.cli("allow", "U0FULL", "--reason", "x" * 400)
    with Path("/dev/full").open("wb") as full:
        process = listing_to(full.fileno(), product, unbuffered)

    assert (process.returncode, process.stderr) == (1, "studio-links: No space left on device\n")


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["at the end", "at once"])
def test_reader_that_stops_early_ends_the_command_quietly(product: Product, unbuffered: str) -> None:
    product.cli("allow", "U0HEAD", "--reason", "x" * 400)
    reader, writer = os.pipe()
    os.close(reader)

    process = listing_to(writer, product, unbuffered)
    os.close(writer)

    assert (process.returncode, process.stderr) == (1, "")


def listing_to(output: int, product: Product, unbuffered: str) -> "CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "bot", "list", "--json"],
        env={**os.environ, **product.environment, "PYTHONUNBUFFERED": unbuffered},
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def test_command_without_a_token_needs_a_team(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_BOT_TOKEN")

    assert "--team" in fails("list")
    assert run("show", "U0NOBODY", "--team", "T0ELSE") == ""
    assert "Slack was not asked" in run("explain", "U0NOBODY", "--team", "T0ELSE")
    monkeypatch.setenv("STUDIO_TEAMS", "T0ELSE")
    assert run("list") == ""
    monkeypatch.setenv("STUDIO_TEAMS", "T0ELSE,T0MORE")
    assert "--team" in fails("list")


def test_iam_policy_covers_mapped_and_named_domains(product: Product) -> None:
    role = "arn:aws:iam::210987654321:role/broker"
    run("map", "U0IAM", "--domain", "d-near", "--profile", "iam", "--region", "eu-west-1", "--force")
    run("map", "U0IAM", "--domain", "d-far", "--profile", "iam", "--alias", "far", "--role-arn", role, "--force")

    text = run("iam-policy", "--domain", "d-new", "--source-ip", "203.0.113.0/24", "--source-vpce", "vpce-1")

    assert "arn:aws:sagemaker:eu-west-1:123456789012:user-profile/d-near/iam" in text
    assert "user-profile/d-near/*" not in text
    assert "arn:aws:sagemaker:us-east-1:123456789012:user-profile/d-new/*" in text
    assert role in text
    assert "d-far" not in text
    assert "aws:SourceVpce" in text
    product.aws.inject("GetCallerIdentity", Fault("AccessDenied", status=403, times=2))
    assert "--account" in fails("iam-policy")
    assert ":210987654321:table/" in run("iam-policy", "--account", "210987654321")
    for wrong in (
        ("--domain", "x"),
        ("--source-ip", "home"),
        ("--source-ip", "999.1.1.1/99"),
        ("--source-vpce", "eni-1"),
        ("--account", "1"),
        ("--kms-key", "alias/tables"),
    ):
        assert "must be" in fails("iam-policy", *wrong)


def printed(*arguments: str) -> tuple[list[dict[str, Any]], str]:
    """Return the statements of the printed policy, and the notes about it."""
    result = CliRunner().invoke(commands.cli, ["iam-policy", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["Statement"], result.stderr


def test_iam_policy_by_tag_says_how_to_tag() -> None:
    statements, notes = printed("--by-tag", "--domain", "d-new")
    [links] = [each for each in statements if each["Sid"] == "Links"]
    assert links["Condition"] == {"StringEquals": {"aws:ResourceTag/studio-links": "yes"}}
    assert "aws sagemaker add-tags --resource-arn PROFILE_ARN --tags Key=studio-links,Value=yes" in notes
    assert "open every profile of d-new" in printed("--domain", "d-new")[1]


def test_iam_policy_uses_the_tag_when_names_do_not_fit() -> None:
    arguments = [f"--domain=d-{number:061d}" for number in range(70)]
    statements, notes = printed(*arguments)
    assert "don't fit into a policy of 6144 characters" in notes
    assert all("Condition" in each for each in statements if each["Sid"] in ("Links", "ExamineProfiles"))


def test_iam_policy_without_tables_covers_named_domains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_TABLE_PREFIX", "missing-")
    assert "--domain" in fails("iam-policy")
    statements, notes = printed("--domain", "d-new")
    assert "the mappings are not in this policy" in notes
    assert "user-profile/d-new/*" in json.dumps(statements)
    setup, notes = printed("--role", "setup", "--kms-key", "arn:aws:kms:us-east-1:123456789012:key/01-ab")
    assert {each["Sid"] for each in setup} == {"Tables", "FindTables", "TableKey"}
    assert notes == ""


def test_administration_policy_covers_the_bot_token_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "aws-secretsmanager://signing")
    statements, _ = printed("--role", "administration")
    assert "secretsmanager" not in json.dumps(statements)
    assert "secret:signing-" in json.dumps(printed("--role", "serving")[0])


def test_tables_are_checked_one_property_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "FAIL" not in run("tables", "check")
    assert all(finding["ok"] for finding in read("tables", "check"))
    monkeypatch.setenv("STUDIO_TABLE_PREFIX", "other-")
    missing = CliRunner().invoke(commands.cli, ["tables", "check"])
    assert missing.exit_code == 1
    assert missing.stdout.count("there are tables with the prefix 'studio-links-'): check AWS_REGION") == 3
    assert missing.stderr == "studio-links: 3 of 3 checks failed: each says how to fix it\n"


COMMANDS = [
    *(
        "map",
        "unmap",
        "allow",
        "deny",
        "admin",
        "forget",
        "show",
        "list",
        "history",
        "import",
        "export",
        "explain",
        "doctor",
        "sync",
        "iam-policy",
        "revoke",
        "serve",
        "local-aws",
        "demo",
    ),
    *("lockdown", "lockdown on", "lockdown off", "tables create", "tables check"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    assert "Example:" in run(*command.split(), "--help")


def test_exit_code_separates_failure_from_usage_error(product: Product) -> None:
    assert product.cli("forget", "U0NORULE", check=False).returncode == 1
    wrong = product.cli("allow", "nobody", check=False)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert product.cli("allow", check=False).returncode == 2
    assert product.cli("list").returncode == 0


def test_local_aws_prints_exports_and_serves_until_stopped() -> None:
    command = [sys.executable, "-m", "bot", "local-aws", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        exported = dict(
            line.removeprefix("export ").strip().split("=", 1) for line in lines if line.startswith("export")
        )
        sagemaker = boto3.client("sagemaker", endpoint_url=exported["AWS_ENDPOINT_URL_SAGEMAKER"])
        assert sagemaker.list_domains()["Domains"] == []
        sagemaker.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) in (0, 130)


def test_local_aws_reports_a_port_in_use(product: Product) -> None:
    port = product.aws.endpoint.rpartition(":")[2]

    ended = in_a_process(product, "local-aws", "--port", port)

    advice = "Choose another --port, or stop the process that uses it."
    said = f"studio-links: Nothing can listen on 127.0.0.1:{port} (Address already in use). {advice}\n"
    assert (ended.returncode, ended.stderr) == (1, said)


HOSTILE = "\x1b[2J\u202eevil\u2066 =1+1 \x9b31m\u2028@x"
READERS = [
    "show U0EVIL",
    "list",
    "history U0EVIL",
    "explain U0EVIL",
    "export",
    "history U0EVIL --csv",
    "show U0EVIL --json",
    "list --json",
    "history U0EVIL --json",
    "explain U0EVIL --json",
    "export --json",
]


@pytest.mark.parametrize("reader", READERS)
def test_no_reader_prints_control_characters(product: Product, reader: str) -> None:
    product.cli("allow", "U0EVIL", "--reason", HOSTILE)

    printed = product.cli(*reader.split()).stdout

    assert "evil" in printed
    assert not CONTROL.search(printed)
    if "--json" in reader and "export" not in reader:
        assert "\u202eevil" in json.dumps(json.loads(printed), ensure_ascii=False)
