"""deploy/, the Dockerfile and compose.yaml pass their linters and agree with the code and the docs."""

import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import botocore.validate
import pytest
import yaml
from moto.core.utils import get_service_model

from bench.processes import bot_environment
from bot.config import SECRET, HttpSettings, SocketSettings
from bot.observability.metrics import OUTCOMES
from bot.serving.server import GRACE
from tests.policies import Stack, permits
from tests.templates import DEPLOY, template

ROOT = Path(__file__).parents[2]
TEMPLATES = ["cloudformation.yaml", "broker-role.yaml"]
# Defaults of the template that differ from the bot's: a deny does not end a Studio session, so here it is shorter.
DEFAULTS = {"StudioSessionSeconds": 14400}


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    found = template()["Resources"].items()
    return {name: each["Properties"] for name, each in found if each["Type"] == kind}


def container() -> dict[str, Any]:
    task = of_type("AWS::ECS::TaskDefinition")["TaskDefinition"]
    only: dict[str, Any]
    (only,) = task["ContainerDefinitions"]
    return only


def dockerfile() -> list[str]:
    """Return the instructions, each on one line."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def run(*command: str) -> str:
    """Run a tool of our virtual environment and return its output; it must succeed."""
    tool = Path(sys.executable).with_name(command[0])
    ended = subprocess.run([tool, *command[1:]], capture_output=True, text=True, cwd=ROOT, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_cfn_lint_reports_nothing() -> None:
    """Run it once, in-process: it reads its rules for each run."""
    from cfnlint.config import ConfigMixIn
    from cfnlint.runner import Runner

    assert list(Runner(ConfigMixIn([str(DEPLOY / name) for name in TEMPLATES])).run()) == []


def test_hadolint_reports_nothing() -> None:
    assert run("hadolint", "Dockerfile") == ""


def test_service_sets_only_known_variables() -> None:
    variables = {name.upper() for name in HttpSettings.model_fields | SocketSettings.model_fields}
    names = set(re.findall(r"\bName: ([A-Z][A-Z_]+)\b", json.dumps(container()["Environment"]).replace('"', "")))

    assert {"SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN", "STUDIO_TABLE_PREFIX"} <= names
    assert {"STUDIO_LINK_HOSTS", "STUDIO_REQUESTS_PER_MINUTE"} <= names  # some partitions need the first
    assert names <= variables


def environment_of(stack: Stack) -> dict[str, str]:
    [task] = stack.resources["TaskDefinition"]["Properties"]["ContainerDefinitions"]
    return {each["Name"]: each.get("Value", "") for each in task["Environment"]}


@pytest.mark.parametrize("transport", ["http", "socket"])
def test_service_gets_secret_references_and_no_secrets(transport: str) -> None:
    other = {"http": "SLACK_SIGNING_SECRET", "socket": "SLACK_APP_TOKEN"}[transport]
    named = Stack(Transport=transport, BotTokenSecretArn="arn:one", SlackSecretArn="arn:two")
    entered = Stack(Transport=transport, **ENTERED[transport])
    for stack, one, two in ((named, "arn:one", "arn:two"), (entered, "BotTokenSecret", "SlackSecret")):
        environment = environment_of(stack)
        assert {name: environment[name] for name in environment if name in SECRET} == {
            "SLACK_BOT_TOKEN": f"aws-secretsmanager://{one}#SLACK_BOT_TOKEN",
            other: f"aws-secretsmanager://{two}#{other}",
        }


ENTERED = {
    "http": {"SlackBotToken": "xoxb-1-2-3", "SlackSigningSecret": "0123456789abcdef"},
    "socket": {"SlackBotToken": "xoxb-1-2-3", "SlackAppToken": "xapp-1-2-3"},
}


@pytest.mark.parametrize("transport", ["http", "socket"])
def test_entered_secrets_are_only_in_their_secrets(transport: str) -> None:
    given = ENTERED[transport]
    parameters = template()["Parameters"]
    assert {name for name, each in parameters.items() if each.get("NoEcho")} == set(
        ENTERED["http"] | ENTERED["socket"]
    )
    assert all(each["Default"] == "" for each in parameters.values() if each.get("NoEcho"))
    stack = Stack(Transport=transport, **given)
    bot, slack = stack.resources.pop("BotTokenSecret"), stack.resources.pop("SlackSecret")
    name = {"http": "SLACK_SIGNING_SECRET", "socket": "SLACK_APP_TOKEN"}[transport]
    assert json.loads(bot["Properties"]["SecretString"]) == {"SLACK_BOT_TOKEN": "xoxb-1-2-3"}
    assert json.loads(slack["Properties"]["SecretString"]) == {name: list(given.values())[1]}
    rest = json.dumps([stack.resources, stack.resolve(template()["Outputs"])])
    assert not any(value in rest for value in given.values())
    named = Stack(Transport=transport, BotTokenSecretArn="arn:one", SlackSecretArn="arn:two")
    assert not {"BotTokenSecret", "SlackSecret"} & named.resources.keys()


@pytest.mark.parametrize(
    ("given", "refusals"),
    [
        ({}, ["Give the bot token once", "Transport socket needs the app-level token once"]),
        (ENTERED["socket"], []),
        ({"BotTokenSecretArn": "arn:one", "SlackSecretArn": "arn:two"}, []),
        ({"SlackBotToken": "xoxb-1", "SlackSecretArn": "arn:two"}, []),
        (ENTERED["socket"] | {"BotTokenSecretArn": "arn:one"}, ["Give the bot token once"]),
        (ENTERED["socket"] | {"SlackSecretArn": "arn:two"}, ["Transport socket needs the app-level token once"]),
        (ENTERED["http"], ["Transport socket needs the app-level token once"]),
        ({"BotTokenSecretArn": "arn:one", "SlackSecretArn": "arn:one"}, ["Administrators read BotTokenSecretArn"]),
        (ENTERED["socket"] | {"VpcId": "vpc-1"}, ["Give both VpcId and Subnets, or neither"]),
        (ENTERED["socket"] | {"Subnets": "subnet-1"}, ["Give both VpcId and Subnets, or neither"]),
        (ENTERED["http"] | {"Transport": "http"}, ["Transport http needs CertificateArn"]),
        (
            ENTERED["socket"] | {"Transport": "http", "CertificateArn": "arn:c"},
            ["Transport http needs the signing secret"],
        ),
    ],
)
def test_contradicting_parameters_are_refused(given: dict[str, str], refusals: list[str]) -> None:
    found = Stack(**{"Transport": "socket"} | given).refusals
    assert len(found) == len(refusals)
    assert all(text.startswith(start) for text, start in zip(sorted(found), sorted(refusals), strict=True))


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("SlackBotToken", ["", "xoxb-1-2-aB", "xoxe.xoxb-1-2-3"], ["xapp-1-2-3", "xoxp-1", "0123456789abcdef"]),
        ("SlackAppToken", ["", "xapp-1-2-3"], ["xoxb-1-2-3", "0123456789abcdef"]),
        ("SlackSigningSecret", ["", "0123456789abcdef" * 2], ["xoxb-1-2-3", "xapp-1-2-3", 'a"b-123456']),
        ("Subnets", ["", "subnet-1a,subnet-2b", "subnet-1a, subnet-2b"], ["vpc-1", "subnet-1,"]),
    ],
)
def test_parameter_takes_only_its_own_kind(name: str, good: list[str], bad: list[str]) -> None:
    pattern = template()["Parameters"][name]["AllowedPattern"]
    assert all(re.fullmatch(pattern, each) for each in good)
    assert not any(re.fullmatch(pattern, each) for each in bad)


def test_network_is_made_only_without_one() -> None:
    made = Stack(Transport="socket", **ENTERED["socket"])
    service = made.resources["Service"]["Properties"]
    assert service["NetworkConfiguration"]["AwsvpcConfiguration"] == {
        "AssignPublicIp": "ENABLED",
        "Subnets": ["FirstSubnet", "SecondSubnet"],
        "SecurityGroups": ["TaskSecurityGroup.GroupId"],
    }
    # The tasks start once their routes exist.
    assert {each["Value"] for each in service["Tags"]} == {"FirstSubnetRoute", "SecondSubnetRoute"}
    assert "SecurityGroupIngress" not in made.resources["TaskSecurityGroup"]["Properties"]
    assert not [name for name, each in made.resources.items() if each["Type"] == "AWS::EC2::SecurityGroupIngress"]
    given = Stack(VpcId="vpc-1", Subnets="subnet-1, subnet-2", **ENTERED["http"])
    network = given.resources["Service"]["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert (network["Subnets"], network["AssignPublicIp"]) == (["subnet-1", "subnet-2"], "DISABLED")
    assert given.resources["LoadBalancer"]["Properties"]["Subnets"] == ["subnet-1", "subnet-2"]
    assert not {"Vpc", "FirstSubnet", "InternetGateway", "DefaultRoute"} & given.resources.keys()
    assert "Tags" not in given.resources["LoadBalancer"]["Properties"]  # as before, so that an update changes nothing


def test_parameters_have_the_limits_of_their_variables() -> None:
    parameters = {name: each for name, each in template()["Parameters"].items() if name.startswith("Studio")}
    fields = HttpSettings.model_fields

    for name, each in parameters.items():
        variable = re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()
        assert each["Description"].startswith(variable)
        field = fields[variable.lower()]
        if each["Type"] == "Number":
            limits = {type(limit).__name__: limit for limit in field.metadata}
            assert each["Default"] == DEFAULTS.get(name, field.default)
            assert each["MinValue"] == limits["Ge"].ge
            assert each["MaxValue"] == (limits["Le"].le if "Le" in limits else limits["Lt"].lt - 1)


def attributes_of(kind: str, **parameters: str) -> dict[str, str]:
    properties = Stack(**parameters).resources[kind]["Properties"]
    return {each["Key"]: each["Value"] for each in properties[f"{kind}Attributes"]}


def test_timeouts_and_ports_match_the_server() -> None:
    attributes = {**attributes_of("LoadBalancer"), **attributes_of("TargetGroup")}
    assert (
        int(attributes["idle_timeout.timeout_seconds"])
        < HttpSettings.model_fields["studio_keep_alive_seconds"].default
    )
    assert container()["StopTimeout"] > GRACE
    assert int(re.sub(r"\D", "", compose()["services"]["bot"]["stop_grace_period"])) > GRACE
    assert {each["ContainerPort"] for each in container()["PortMappings"]} == {3000}
    [metrics_port] = [each["Value"] for each in container()["Environment"] if each.get("Name") == "METRICS_PORT"]
    assert template()["Resources"]["TargetGroup"]["Properties"]["HealthCheckPort"] == metrics_port
    assert f'"127.0.0.1", {metrics_port}' in container()["HealthCheck"]["Command"][-1]


def test_task_is_read_only_and_unprivileged() -> None:
    only = container()

    assert only["ReadonlyRootFilesystem"] is True
    assert only["User"] == "10001:10001"
    assert only["LinuxParameters"]["Capabilities"]["Drop"] == ["ALL"]


def test_load_balancer_forwards_only_posted_events() -> None:
    [rule] = of_type("AWS::ElasticLoadBalancingV2::ListenerRule").values()
    assert {each["Field"]: next(v for k, v in each.items() if k != "Field") for each in rule["Conditions"]} == {
        "path-pattern": {"Values": ["/slack/events"]},
        "http-request-method": {"Values": ["POST"]},
    }
    [listener] = of_type("AWS::ElasticLoadBalancingV2::Listener").values()
    [default] = listener["DefaultActions"]
    assert (default["Type"], default["FixedResponseConfig"]["StatusCode"]) == ("fixed-response", "404")


def test_requests_of_one_address_are_limited_unless_switched_off() -> None:
    stack = Stack(RequestsPerFiveMinutes="700")
    [rule] = stack.resources["WebAcl"]["Properties"]["Rules"]
    assert rule["Action"] == {"Block": {}}
    assert rule["Statement"]["RateBasedStatement"] == {
        "AggregateKeyType": "IP",
        "Limit": "700",
        "EvaluationWindowSec": 300,
    }
    assert rule["VisibilityConfig"]["SampledRequestsEnabled"] is False  # samples show Slack's signature
    assert stack.resources["WebAclAssociation"]["Properties"]["ResourceArn"] == "LoadBalancer"
    for without in (Stack(RequestsPerFiveMinutes="0"), Stack(Transport="socket")):
        assert not {"WebAcl", "WebAclAssociation", "BlockedRequests"} & without.resources.keys()


def test_access_logs_go_to_the_given_bucket() -> None:
    assert not any(key.startswith("access_logs") for key in attributes_of("LoadBalancer"))
    logged = attributes_of("LoadBalancer", AccessLogBucket="our-logs")
    assert (logged["access_logs.s3.enabled"], logged["access_logs.s3.bucket"]) == ("true", "our-logs")
    assert logged.items() >= attributes_of("LoadBalancer").items()


def test_exported_audit_is_locked_for_the_given_days() -> None:
    stack = Stack(AuditExportDays="400")
    bucket = stack.resources["AuditBucket"]
    lock = bucket["Properties"]["ObjectLockConfiguration"]
    assert lock["Rule"] == {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": "400"}}
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
    target = stack.resources["AuditExport"]["Properties"]["Target"]
    assert target["Arn"] == "arn:aws:scheduler:::aws-sdk:dynamodb:exportTableToPointInTime"
    given = json.loads(target["Input"])
    assert given == {"TableArn": "AuditTable", "S3Bucket": "AuditBucket", "S3Prefix": "audit"}
    botocore.validate.validate_parameters(
        given, get_service_model("dynamodb").operation_model("ExportTableToPointInTime").input_shape
    )
    assert not [name for name in Stack().resources if name.startswith("AuditExport") or name == "AuditBucket"]


def test_export_role_may_only_copy_the_audit() -> None:
    found = Stack(AuditExportDays="400").permissions("AuditExportRole")
    assert permits(found, "dynamodb:ExportTableToPointInTime", "AuditTable")
    assert permits(found, "s3:PutObject", "AuditBucket/audit/part")
    for action in ("s3:DeleteObject", "s3:BypassGovernanceRetention", "s3:PutObjectRetention", "s3:GetObject"):
        assert not permits(found, action, "AuditBucket/audit/part")
    for role in ("ServingRole", "AdministrationRole"):
        assert not permits(Stack(AuditExportDays="400").permissions(role), "s3:PutObject", "AuditBucket/audit/part")


def test_documented_deployments_fit_cloudformation() -> None:
    """Name a bucket for templates above its limit, as the AWS CLI demands."""
    pages = [path.read_text() for path in (ROOT / "docs").rglob("*.md")]
    commands = re.findall(r"aws cloudformation deploy (?:.*\\\n)*.*", "\n".join(pages))
    assert len(commands) >= 5
    for command in commands:
        [name] = re.findall(r"--template-file deploy/(\S+)", command)
        assert ("--s3-bucket" in command) is ((DEPLOY / name).stat().st_size > 51_200)
        assert not re.search(r"xox|xapp|=\$\(.*secret", command)  # other processes see a command


def test_documented_launch_links_fill_in_parameters() -> None:
    pages = "\n".join(path.read_text() for path in (ROOT / "docs").rglob("*.md"))
    names = set(re.findall(r"\bparam_([A-Z]\w+)", pages))
    parameters = template()["Parameters"]
    assert {"Transport", "Image"} <= names
    # The console ignores secrets in a link, which would leave them in the browser's history.
    assert all(name in parameters and "NoEcho" not in parameters[name] for name in names - {"NAME"})


def test_failed_deployment_rolls_back() -> None:
    deployment = of_type("AWS::ECS::Service")["Service"]["DeploymentConfiguration"]

    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert deployment["MinimumHealthyPercent"] == 100
    assert template()["Parameters"]["Replicas"]["Default"] == 2


def test_log_filters_match_logged_events() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "bot").rglob("*.py"))
    logged = set(re.findall(r"""(?:log|getLogger\(__name__\))\.\w+\(\s*"(\w+)\"""", code))
    filters = of_type("AWS::Logs::MetricFilter")

    assert len(filters) >= 4
    for each in filters.values():
        wanted = re.findall(r'\$\.event = "(\w+)"', each["FilterPattern"])
        assert wanted
        assert set(wanted) <= logged
        outcomes = re.findall(r'\$\.outcome = "(\w+)"', each["FilterPattern"])
        assert set(outcomes) <= {*OUTCOMES, "own_access", "own_request"}


@pytest.mark.parametrize(
    ("alarm", "line"),
    [
        ("AccessChanged", {"event": "audit_entry", "outcome": "done", "action": "map", "change": "map"}),
        ("AdministratorMade", {"event": "audit_entry", "outcome": "done", "action": "admin", "change": "admin"}),
        ("LockdownLifted", {"event": "audit_entry", "action": "lockdown", "change": "lockdown_lifted"}),
        ("RefusedAttempts", {"event": "audit_entry", "action": "admin", "outcome": "not_an_admin"}),
        ("OwnAccess", {"event": "audit_entry", "action": "allow", "outcome": "own_access"}),
        ("OwnAccess", {"event": "audit_entry", "action": "map", "outcome": "own_request"}),
        ("NotSealed", {"event": "audit_not_sealed"}),
    ],
)
def test_alarm_is_raised_for(alarm: str, line: dict[str, str]) -> None:
    """Evaluate the filters as CloudWatch does."""

    def holds(term: re.Match[str]) -> str:
        return str(term[1] in line and fnmatch(line[term[1]], term[2]))

    def matches(pattern: str) -> bool:
        terms = re.sub(r'\$\.(\w+) = "([\w*]+)"', holds, pattern.strip("{ }"))
        return bool(eval(terms.replace("&&", "and").replace("||", "or")))  # noqa: S307 - the template's own text

    filters = of_type("AWS::Logs::MetricFilter")
    assert matches(filters[f"{alarm}Filter"]["FilterPattern"])
    line = {"event": "audit_entry", "action": "link", "outcome": "issued"}
    assert not matches(filters[f"{alarm}Filter"]["FilterPattern"])


def test_every_alarm_links_to_a_runbook_section() -> None:
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs/OPERATIONS.md").read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    alarms = of_type("AWS::CloudWatch::Alarm")

    assert len(alarms) >= 8
    for each in alarms.values():
        assert each["AlarmDescription"].rpartition("docs/OPERATIONS.md#")[2] in anchors
        assert each["AlarmActions"] == each["OKActions"]


def test_alarms_watch_the_connection_of_their_transport() -> None:
    resources = template()["Resources"]
    alarms = {
        name: each["Condition"]
        for name, each in resources.items()
        if each["Type"].endswith("::Alarm") and "Condition" in each
    }

    assert alarms["UnhealthyTargets"] == "Http"
    assert alarms["SocketDown"] == alarms["SocketSurplus"] == "Socket"


def test_image_is_pinned_unprivileged_and_without_secrets() -> None:
    lines = dockerfile()
    final = lines[max(n for n, line in enumerate(lines) if line.startswith("FROM")) :]

    stages = [line for line in lines if line.startswith("FROM") and line != "FROM scratch AS wheel"]
    assert all(re.fullmatch(r"FROM python:\$\{PYTHON\}( AS \w+)?", line) for line in stages)
    pip = [part for line in lines if line.startswith("RUN") for part in line.split("&&") if " pip " in part]
    assert len(pip) == 5
    # Pinned with hashes and as wheels, or from local files.
    assert all(("--require-hashes" in part and "--only-binary :all:" in part) or "--no-deps" in part for part in pip)
    assert "USER 10001:10001" in final
    assert final.index("USER 10001:10001") < final.index('CMD ["serve"]')
    assert not any(line.startswith(("ADD", "ARG", "VOLUME")) for line in final)
    # slack_sdk needs HOME to be imported; temporary files of libraries go to memory, which the C library's caches
    # for each thread would fill slowly.
    environment = next(line for line in final if line.startswith("ENV"))
    tunables = f"GLIBC_TUNABLES={bot_environment(dynamodb='', sagemaker='', slack='')['GLIBC_TUNABLES']}"
    assert {"HOME=/", "TMPDIR=/dev/shm", tunables} <= set(environment.split())
    assert (ROOT / "Procfile").read_text().count(tunables) == 2
    assert not any(name in line for line in lines for name in SECRET)
    assert any(re.search(r"rm -rf \S+/site-packages/bot/local ", line) for line in lines)


def test_images_get_the_bot_from_the_wheel_alone() -> None:
    """So that a release can put the wheel in place that it has signed."""
    copied: dict[str, list[str]] = {}
    for line in dockerfile():
        if line.startswith("FROM"):
            stage = line.partition(" AS ")[2]
            copied[stage] = []
        elif line.startswith("COPY"):
            copied[stage].append(line.removeprefix("COPY ").rpartition(" ")[0])
    assert copied == {
        "builder": ["requirements-build.txt", "LICENSE README.md pyproject.toml hatch_build.py manifest.yml", "bot"],
        "wheel": ["--from=builder /wheel/*.whl"],
        "local": ["requirements-demo.txt", "--from=wheel /*.whl"],
        "build": ["requirements.txt requirements-otel.txt", "--from=wheel /*.whl"],
        "": ["--from=build /opt/venv"],  # production
    }


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


@pytest.mark.public(34)
@pytest.mark.parametrize("version", ["1.29", "2026"])
def test_compose_file_is_valid_for_older_and_newer_compose(version: str) -> None:
    from jsonschema import Draft202012Validator

    schema = json.loads((ROOT / f"tests/data/compose-{version}.schema.json").read_text())
    Draft202012Validator(schema).validate(compose())
    assert "version" not in compose()  # newer ones warn of it


@pytest.mark.public(34)
def test_compose_builds_each_image_once_before_it_is_used() -> None:
    """Newer versions fail where two services build the same image; older ones build in the order of dependencies."""
    services = compose()["services"]
    builders = {each["image"]: name for name, each in services.items() if "build" in each and "image" in each}
    assert len(builders) == sum("build" in each and "image" in each for each in services.values())
    for each in services.values():
        assert "build" in each or builders[each["image"]] in each["depends_on"]
        # What is not built here yet must not come from a registry, where anybody may own the name.
        assert "build" in each or each["pull_policy"] == "never"


def probe(command: list[str]) -> str:
    """Return the Python text of a probe, in one form."""
    assert command[-3:-1] == ["python", "-c"]
    return " ".join(command[-1].replace(";", "; ").split())


@pytest.mark.public(34)
def test_every_platform_has_the_probe_that_oci_images_lack() -> None:
    """The OCI format has no HEALTHCHECK, so a build for it drops the Dockerfile's."""
    image = next(line for line in dockerfile() if line.startswith("HEALTHCHECK"))
    expected = probe(json.loads(image.split("CMD ")[1]))
    assert "/readyz" in expected
    assert probe(compose()["services"]["bot"]["healthcheck"]["test"]) == expected
    page = (ROOT / "docs/INSTALL.md").read_text()
    [pod] = [yaml.safe_load(each) for each in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "Probe" in each]
    assert pod["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": 9090}
    assert pod["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": 3000}


def test_task_has_a_probe_of_its_own() -> None:
    task = probe(container()["HealthCheck"]["Command"])
    assert "/readyz" in task
    assert "raise SystemExit" in task


def test_compose_restricts_containers_as_in_production() -> None:
    for service in compose()["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "ports" not in service
    assert compose()["services"]["bot"]["environment"]["HOST"] == "127.0.0.1"
