"""The Helm chart of deploy/ renders what Kubernetes accepts, agrees with the bot, and refuses wrong values."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.config import SECRET, HttpSettings, SocketSettings
from bot.core import approval_file
from bot.serving.server import GRACE
from tests.templates import DEPLOY

ROOT = Path(__file__).parents[2]
CHART = DEPLOY / "helm/studio-links"
NAME, NAMESPACE = "studio-links", "bots"
DIGEST = "sha256:" + "a" * 64
PROMETHEUS = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
REFERENCES = {"SLACK_BOT_TOKEN": "ssm:///bot-token", "SLACK_APP_TOKEN": "aws-secretsmanager://slack#SLACK_APP_TOKEN"}
REQUIRED: dict[str, Any] = {
    "image": {"repository": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/studio-links", "digest": DIGEST},
    "region": "eu-west-1",
    "secrets": {"existingSecret": "slack"},
}
PROFILES = {"STUDIO_PROFILE_TEMPLATE_D_ABC123": "role=arn:aws:iam::123456789012:role/studio"}
SOCKET = REQUIRED | {"settings": {"STUDIO_TEAMS": "T0123ABCD", "STUDIO_SESSION_SECONDS": 14400, **PROFILES}}
HTTP = REQUIRED | {
    "transport": "http",
    "replicas": 3,
    "secrets": {"externalSecret": {"storeName": "aws"}},
    "ingress": {"enabled": True, "host": "studio-links.example.com", "tlsSecret": "tls"},
    "serviceAccount": {"roleArn": "arn:aws:iam::123456789012:role/studio-links"},
    "serviceMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True, "repository": "https://git.example.org/ours"},
    "networkPolicy": {"metricsFrom": PROMETHEUS},
    "settings": {"STUDIO_SOLE_ADMIN": True},
    "caBundle": {"configMap": "authorities"},
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
}
GATEWAY = HTTP | {
    "host": "::",
    "ingress": {"enabled": False},
    "gateway": {"enabled": True, "host": "studio-links.example.com", "parentRefs": [{"name": "public"}]},
}
RULES = (ROOT / "tests/data/approvals.toml").read_text()
REFERRING = REQUIRED | {"secrets": {"references": REFERENCES}, "approvalRules": RULES}
KINDS = {"socket": SOCKET, "http": HTTP, "gateway": GATEWAY, "references": REFERRING}
# Variables that the chart sets from other values
CHARTS_OWN = {"host", "port", "metrics_port", "log_format", "aws_region", "studio_replicas", "slack_api_url"}


def record(required: str, **properties: Any) -> dict[str, Any]:
    """Return a schema of an object with nothing else in it."""
    names = required.split()
    return {"type": "object", "required": names, "additionalProperties": False, "properties": properties}


TEXT, MANY = {"type": "string", "minLength": 1}, {"type": "array", "minItems": 1}
# What we use of custom resources: kubernetes-validate has Kubernetes' own schemas only.
CUSTOM = {
    "external-secrets.io/v1 ExternalSecret": record(
        "secretStoreRef target data",
        refreshInterval=TEXT,
        secretStoreRef=record("name kind", name=TEXT, kind={"enum": ["SecretStore", "ClusterSecretStore"]}),
        target=record("name", name=TEXT, creationPolicy={"enum": ["Owner"]}),
        data=MANY
        | {"items": record("secretKey remoteRef", secretKey=TEXT, remoteRef=record("key", key=TEXT, property=TEXT))},
    ),
    "gateway.networking.k8s.io/v1 HTTPRoute": record(
        "parentRefs hostnames rules",
        parentRefs=MANY,
        hostnames=MANY | {"items": TEXT},
        rules=MANY | {"items": record("matches backendRefs", matches=MANY, backendRefs=MANY)},
    ),
    "monitoring.coreos.com/v1 ServiceMonitor": record(
        "selector endpoints",
        selector=record("matchLabels", matchLabels={"type": "object"}),
        endpoints=MANY | {"items": record("port path", port=TEXT, path=TEXT, interval=TEXT)},
    ),
    "monitoring.coreos.com/v1 PrometheusRule": record(
        "groups",
        groups=MANY | {"items": record("name rules", name=TEXT, rules=MANY | {"items": {"required": ["expr"]}})},
    ),
}


class Rendered:
    """The objects of a release, and what Helm prints after installing it."""

    def __init__(self, manifests: dict[str, str]) -> None:
        self.notes = manifests.pop("studio-links/templates/NOTES.txt")
        self.objects = [each for text in manifests.values() for each in yaml.safe_load_all(text) if each]

    def only(self, kind: str, name: str = NAME) -> dict[str, Any]:
        """Return the object of a kind and a name."""
        [found] = [each for each in self.objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
        whole: dict[str, Any] = found
        return whole

    @property
    def kinds(self) -> set[str]:
        return {each["kind"] for each in self.objects}

    @property
    def pod(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.only("Deployment")["spec"]["template"]["spec"]
        return spec

    @property
    def container(self) -> dict[str, Any]:
        [found] = self.pod["containers"]
        whole: dict[str, Any] = found
        return whole

    @property
    def environment(self) -> dict[str, Any]:
        """Return the value of each variable, or the key of the Secret that has it."""
        return {each["name"]: each.get("value") or each["valueFrom"] for each in self.container["env"]}


@pytest.fixture(scope="module")
def chart() -> Iterator[Any]:
    from helm_python import Chart

    with Chart.load(CHART) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def releases(chart: Any) -> dict[str, Rendered]:
    return {kind: Rendered(chart.render(values, name=NAME, namespace=NAMESPACE)) for kind, values in KINDS.items()}


def test_helm_lint_reports_nothing() -> None:
    from helm_python import lint

    for values in KINDS.values():
        report = lint(CHART, values, strict=True)
        assert report["errors"] == []
        assert [each["error"] for each in report["messages"]] == ["icon is recommended"]


def test_kubernetes_accepts_every_object(releases: dict[str, Rendered]) -> None:
    from jsonschema import Draft202012Validator
    from kubernetes_validate import validate

    for release in releases.values():
        for each in release.objects:
            own = CUSTOM.get(f"{each['apiVersion']} {each['kind']}")
            if own:
                Draft202012Validator(own).validate(each["spec"])
            else:
                validate(each, "1.30", strict=True)
                validate(each, "1.37", strict=True)
            assert each["metadata"]["namespace"] == NAMESPACE
    seen = {f"{each['apiVersion']} {each['kind']}" for release in releases.values() for each in release.objects}
    assert seen >= CUSTOM.keys()


def test_packaged_chart_has_the_alerts(tmp_path: Path) -> None:
    from helm_python import Chart, package

    with Chart.load(package(CHART, destination=tmp_path)) as packaged:
        assert {each["name"]: each["data"] for each in packaged.files}["alerts.yml"]
        release = Rendered(packaged.render(HTTP, name=NAME, namespace=NAMESPACE))
    assert release.only("PrometheusRule")["spec"]["groups"]


def test_chart_has_the_version_of_the_bot(chart: Any) -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert (chart.version, chart.metadata["appVersion"]) == (version[1], version[1])


def test_values_have_the_variables_of_the_bot(chart: Any) -> None:
    fields = HttpSettings.model_fields | SocketSettings.model_fields
    settings = {name.upper() for name in fields.keys() - CHARTS_OWN} - SECRET
    assert chart.schema["properties"]["settings"]["properties"].keys() == settings
    assert chart.values["secrets"]["references"].keys() == SECRET


def test_schema_knows_exactly_the_values(chart: Any) -> None:
    def compare(values: dict[str, Any], schema: dict[str, Any]) -> None:
        known = schema.get("properties")
        if known is not None and schema.get("additionalProperties") is False and "SLACK_BOT_TOKEN" not in known:
            assert known.keys() - {"global"} == values.keys()
            for name, value in values.items():
                if isinstance(value, dict) and name != "settings":
                    compare(value, known[name])

    compare(chart.values, chart.schema)


def test_pod_meets_the_restricted_standard(releases: dict[str, Rendered]) -> None:
    for release in releases.values():
        assert release.pod["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert release.container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert release.pod["automountServiceAccountToken"] is False
        assert release.container["image"].endswith(f"/studio-links@{DIGEST}")
        assert not {"hostNetwork", "hostPID", "hostIPC"} & release.pod.keys()
        assert all(each.keys() == {"name", "configMap"} for each in release.pod.get("volumes", []))


def test_pod_gets_references_to_its_secrets_only(releases: dict[str, Rendered]) -> None:
    environment = releases["references"].environment
    assert {name: environment[name] for name in REFERENCES} == REFERENCES
    for kind, secret, name in (
        ("socket", "SLACK_APP_TOKEN", "slack"),
        ("http", "SLACK_SIGNING_SECRET", f"{NAME}-slack"),
    ):
        environment = releases[kind].environment
        assert {key for key in environment if key in SECRET} == {"SLACK_BOT_TOKEN", secret}
        for key in ("SLACK_BOT_TOKEN", secret):
            assert environment[key] == {"secretKeyRef": {"name": name, "key": key}}
    assert not any("Secret" in release.kinds for release in releases.values())


def test_external_secret_has_what_the_transport_needs(releases: dict[str, Rendered]) -> None:
    spec = releases["http"].only("ExternalSecret")["spec"]
    assert spec["target"]["name"] == f"{NAME}-slack"
    assert {
        each["secretKey"]: (each["remoteRef"]["key"], each["remoteRef"]["property"]) for each in spec["data"]
    } == {
        "SLACK_BOT_TOKEN": ("studio-links/bot-token", "SLACK_BOT_TOKEN"),
        "SLACK_SIGNING_SECRET": ("studio-links/slack", "SLACK_SIGNING_SECRET"),
    }
    assert "ExternalSecret" not in releases["socket"].kinds


def test_bot_accepts_the_environment_of_the_pod(releases: dict[str, Rendered]) -> None:
    secrets = {"SLACK_BOT_TOKEN": "xoxb-1-2-3", "SLACK_SIGNING_SECRET": "0" * 32, "SLACK_APP_TOKEN": "xapp-1-2-3"}
    for kind, settings in (("socket", SocketSettings), ("http", HttpSettings)):
        environment = releases[kind].environment
        given = {name: secrets.get(name, value) for name, value in environment.items()}
        read: Any = settings(**{name.lower(): value for name, value in given.items()})
        assert (read.host, read.port, read.metrics_port, read.aws_region) == ("0.0.0.0", 3000, 9090, "eu-west-1")  # noqa: S104 - it is the pod's
    assert releases["gateway"].environment["HOST"] == "::"
    assert releases["socket"].environment["STUDIO_REPLICAS"] == "2"
    assert releases["socket"].environment["STUDIO_SESSION_SECONDS"] == "14400"
    assert releases["socket"].environment.items() >= PROFILES.items()
    assert releases["http"].environment["STUDIO_SOLE_ADMIN"] == "true"


def test_pod_drains_before_kubernetes_kills_it(releases: dict[str, Rendered]) -> None:
    pod, container = releases["http"].pod, releases["http"].container
    assert pod["terminationGracePeriodSeconds"] > container["lifecycle"]["preStop"]["sleep"]["seconds"] + GRACE
    assert releases["socket"].pod["terminationGracePeriodSeconds"] > GRACE
    assert "lifecycle" not in releases["socket"].container


def test_probes_are_those_of_the_installation_page(releases: dict[str, Rendered]) -> None:
    for release in releases.values():
        assert release.container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": 9090}
        assert release.container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": 3000}


def test_nothing_reaches_a_bot_over_socket_mode(releases: dict[str, Rendered]) -> None:
    release = releases["socket"]
    assert not {"Service", "Ingress", "HTTPRoute"} & release.kinds
    assert release.only("NetworkPolicy")["spec"]["ingress"] == []
    assert release.container["args"] == ["serve", "--socket"]


def test_routes_lead_only_to_slacks_path(releases: dict[str, Rendered]) -> None:
    [rule] = releases["http"].only("Ingress")["spec"]["rules"]
    [path] = rule["http"]["paths"]
    assert (path["path"], path["pathType"]) == ("/slack/events", "Exact")
    [rule] = releases["gateway"].only("HTTPRoute")["spec"]["rules"]
    assert rule["matches"] == [{"path": {"type": "Exact", "value": "/slack/events"}, "method": "POST"}]
    [port] = releases["http"].only("Service")["spec"]["ports"]
    [named] = [each for each in releases["http"].container["ports"] if each["name"] == port["targetPort"]]
    assert named["containerPort"] == 3000


def test_network_policy_opens_only_what_the_bot_needs(releases: dict[str, Rendered]) -> None:
    spec = releases["http"].only("NetworkPolicy")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["ingress"] == [
        {"ports": [{"port": 3000, "protocol": "TCP"}]},
        {"ports": [{"port": 9090, "protocol": "TCP"}], "from": PROMETHEUS},
    ]
    assert {port["port"] for rule in spec["egress"] for port in rule["ports"]} == {53, 443, 80}
    [agent] = [rule for rule in spec["egress"] if rule["ports"][0]["port"] == 80]
    assert {each["ipBlock"]["cidr"] for each in agent["to"]} == {"169.254.170.23/32", "fd00:ec2::23/128"}
    assert spec["podSelector"] == releases["http"].only("Deployment")["spec"]["selector"]


def test_role_is_annotated_only_for_irsa(releases: dict[str, Rendered]) -> None:
    role = "arn:aws:iam::123456789012:role/studio-links"
    assert releases["http"].only("ServiceAccount")["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": role}
    assert "annotations" not in releases["socket"].only("ServiceAccount")["metadata"]
    assert "create-pod-identity-association" in releases["socket"].notes
    assert "create-pod-identity-association" not in releases["http"].notes


def test_prometheus_scrapes_and_alerts(releases: dict[str, Rendered]) -> None:
    release = releases["http"]
    selector = release.only("ServiceMonitor")["spec"]["selector"]["matchLabels"]
    service = release.only("Service", f"{NAME}-metrics")
    assert selector.items() <= service["metadata"]["labels"].items()
    assert not selector.items() <= release.only("Service")["metadata"]["labels"].items()
    given = (
        (DEPLOY / "alerts.yml")
        .read_text()
        .replace("https://git.example.com/studio-links", "https://git.example.org/ours")
    )
    assert release.only("PrometheusRule")["spec"] == yaml.safe_load(given)


def test_pods_are_spread_and_go_one_by_one(releases: dict[str, Rendered]) -> None:
    spread = releases["socket"].pod["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in spread] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    assert releases["socket"].only("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert releases["http"].only("Deployment")["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_documented_values_are_accepted(chart: Any) -> None:
    page = (ROOT / "docs/KUBERNETES.md").read_text()
    first, http, alb = [yaml.safe_load(each) for each in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    first["image"]["digest"] = DIGEST
    assert Rendered(chart.render(first, name=NAME, namespace=NAMESPACE)).environment["STUDIO_TEAMS"] == "T0123ABCD"
    first["secrets"]["references"] |= {"SLACK_SIGNING_SECRET": "ssm:///signing-secret", "SLACK_APP_TOKEN": ""}
    http["ingress"] |= alb
    release = Rendered(chart.render(first | http, name=NAME, namespace=NAMESPACE))
    assert release.only("Ingress")["metadata"]["annotations"]["alb.ingress.kubernetes.io/target-type"] == "ip"


def test_own_authorities_are_trusted_by_all_clients(releases: dict[str, Rendered]) -> None:
    release = releases["http"]
    [mount], [volume] = release.container["volumeMounts"], release.pod["volumes"]
    assert (volume["configMap"], mount["name"], mount["readOnly"]) == ({"name": "authorities"}, volume["name"], True)
    for name in ("SSL_CERT_FILE", "AWS_CA_BUNDLE"):
        assert release.environment[name] == f"{mount['mountPath']}/ca.crt"
    assert "volumes" not in releases["socket"].pod


def test_approval_rules_are_mounted_where_the_bot_reads_them(releases: dict[str, Rendered], chart: Any) -> None:
    release, name = releases["references"], f"{NAME}-approvals"
    [mount], [volume] = release.container["volumeMounts"], release.pod["volumes"]
    assert (volume["configMap"], mount["name"], mount["readOnly"]) == ({"name": name}, volume["name"], True)
    assert "subPath" not in mount  # whose file would never change
    folder, _, file = release.environment["STUDIO_APPROVALS_FILE"].rpartition("/")
    assert folder == mount["mountPath"]
    mounted = release.only("ConfigMap", name)["data"][file]
    assert approval_file.parse(mounted, file) == approval_file.parse(RULES, file)
    assert "ConfigMap" not in releases["socket"].kinds
    both = Rendered(chart.render(HTTP | {"approvalRules": RULES}, name=NAME, namespace=NAMESPACE))
    assert [each["mountPath"] for each in both.container["volumeMounts"]] == [
        "/etc/studio-links",
        "/etc/studio-links-approvals",
    ]
    assert len(both.pod["volumes"]) == 2


def test_names_of_digits_stay_text(chart: Any) -> None:
    given = HTTP | {
        "secrets": {"existingSecret": "123"},
        "priorityClassName": "1",
        "settings": {"STUDIO_TEAMS": "1e3"},
    }
    given["ingress"] = {"enabled": True, "host": "1.2", "className": "2", "tlsSecret": "3"}
    release = Rendered(chart.render(given, name=NAME, namespace=NAMESPACE))
    spec = release.only("Ingress")["spec"]
    found = (spec["ingressClassName"], spec["tls"][0]["secretName"], spec["rules"][0]["host"])
    assert found == ("2", "3", "1.2")
    assert release.pod["priorityClassName"] == "1"
    assert release.environment["STUDIO_TEAMS"] == "1e3"
    assert release.environment["SLACK_BOT_TOKEN"]["secretKeyRef"]["name"] == "123"


def test_notes_name_the_next_step(releases: dict[str, Rendered]) -> None:
    assert "studio-links manifest --url https://studio-links.example.com" in releases["http"].notes
    for release in releases.values():
        assert f"rollout status deployment/{NAME}" in release.notes
        assert "The first member" in release.notes


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image": {"digest": ""}}, "set image.repository, and image.digest to the sha256:..."),
        ({"image": {"digest": "0.2.0"}}, "at '/image/digest'"),
        ({"image": {"repository": "registry.example.com/studio-links:0.2.0"}}, "at '/image/repository'"),
        ({"region": ""}, "set region to the AWS region"),
        ({"secrets": {}}, "none is set: set exactly one of secrets.references"),
        (
            {"secrets": {"existingSecret": "slack", "references": REFERENCES}},
            "these are set: secrets.references, secrets.existingSecret: set exactly one",
        ),
        (
            {"secrets": {"references": {"SLACK_BOT_TOKEN": "ssm:///bot-token"}}},
            "secrets.references.SLACK_APP_TOKEN is missing",
        ),
        (
            {"secrets": {"references": {"SLACK_BOT_TOKEN": "xoxb-1-2-3"}}},
            "secrets.references.SLACK_BOT_TOKEN is no reference",
        ),
        ({"secrets": {"existingSecret": "xoxb-1-2-ABC"}}, "secrets.existingSecret is no name"),
        ({"transprot": "http"}, "additional properties 'transprot' not allowed"),
        ({"transport": "both"}, "at '/transport': value must be one of 'socket', 'http'"),
        ({"ingress": {"enabled": True, "host": "a.example.com"}}, "set transport to http, or switch both off"),
        ({"transport": "http", "ingress": {"enabled": True}}, "ingress.host is missing"),
        (
            {"transport": "http", "gateway": {"enabled": True, "host": "a.example.com"}},
            "gateway.parentRefs to your Gateway",
        ),
        (
            {"transport": "http", "ingress": {"enabled": True}, "gateway": {"enabled": True}},
            "ingress and gateway are both enabled: switch one off",
        ),
        ({"replicas": 6}, "set 5 or fewer, or transport to http"),
        ({"serviceMonitor": {"enabled": True}}, "set networkPolicy.metricsFrom to the peers of Prometheus"),
        ({"approvalRules": "approvals.toml"}, "at '/approvalRules'"),
        (
            {"approvalRules": RULES, "settings": {"STUDIO_APPROVALS_FILE": "/rules.toml"}},
            "approvalRules and settings.STUDIO_APPROVALS_FILE are both set: keep approvalRules",
        ),
        ({"settings": {"STUDIO_TAEMS": "T0123ABCD"}}, "additional properties 'STUDIO_TAEMS' not allowed"),
        ({"settings": {"SLACK_BOT_TOKEN": "xoxb-1-2-3"}}, "additional properties 'SLACK_BOT_TOKEN' not allowed"),
        ({"extraEnv": [{"name": "SLACK_BOT_TOKEN", "value": "xoxb-1-2-3"}]}, "use secrets for Slack's secrets"),
    ],
)
def test_wrong_values_are_refused(chart: Any, values: dict[str, Any], message: str) -> None:
    from helm_python import HelmError

    merged = REQUIRED | values
    if "image" in values:
        merged["image"] = REQUIRED["image"] | values["image"]
    with pytest.raises(HelmError) as error:
        chart.render(merged, name=NAME, namespace=NAMESPACE)
    assert message in str(error.value)
    assert "xoxb-" not in str(error.value)
