"""The alert rules and the dashboard parse, use existing metrics and link to existing sections."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.observability.metrics import OUTCOMES, POOLS, Metrics
from bot.serving.executors import BoundedExecutor
from tests.programs import program
from tests.promql import ALERTS, DASHBOARD, exported, expressions, missing, panels, rules, selectors

ROOT = Path(__file__).parent.parent.parent
FIRES = ROOT / "tests/data/alerts.test.yml"
OPERATIONS = ROOT / "docs/OPERATIONS.md"
ALERTING = [rule for rule in rules() if "alert" in rule]
by_name = pytest.mark.parametrize("rule", ALERTING, ids=[rule["alert"] for rule in ALERTING])


def page() -> str:
    """Return the metrics of a bot without requests."""
    metrics = Metrics()
    for pool in POOLS:
        metrics.watch_pool(BoundedExecutor(pool, workers=1, queue=1))
    metrics.watch_socket(connected=lambda: True, last_activity=lambda: 0.0, connections=lambda: 1, surplus=lambda: 0)
    return metrics.page().decode()


@pytest.mark.parametrize("where", expressions())
def test_expressions_are_promql_on_existing_metrics(where: str) -> None:
    expression = expressions()[where]
    assert selectors(expression)
    assert missing(expression, exported(page())) == []


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("sum(rate(studio_links_request_total[5m]))", "no metric studio_links_request_total"),
        ('studio_links_requests_total{result="issued"}', "studio_links_requests_total has no label result"),
        ('studio_links_requests_total{outcome=~"issued|isued"}', "studio_links_requests_total has no outcome isued"),
        ("sum by (outcom) (studio_links_requests_total)", "nothing has the label outcom"),
    ],
)
def test_missing_reports_misspelt_names(expression: str, problem: str) -> None:
    assert missing(expression, exported(page())) == [problem]


def test_selectors_reject_invalid_promql() -> None:
    with pytest.raises(ValueError, match=r"."):
        selectors("sum by (rate(studio_links_requests_total[5m])")


@by_name
def test_alert_has_summary_description_and_runbook(rule: dict[str, Any]) -> None:
    notes = rule["annotations"]
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert 10 < len(notes["summary"]) < 80
    assert notes["description"].endswith(".")
    address, _, anchor = notes["runbook_url"].partition("#")
    where = address.removeprefix("https://git.example.com/studio-links/blob/main/")
    headings = re.findall(r"^#+ (.+)$", (ROOT / where).read_text(), re.MULTILINE)
    assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.public(34)
@by_name
def test_alert_has_absolute_address_and_whole_counts(rule: dict[str, Any]) -> None:
    notes = rule["annotations"]
    assert re.match(r"https://[\w.-]+/.+\.md#[\w-]+$", notes["runbook_url"])
    shown = re.findall(r"{{ ([^}]*\$value[^}]*) }}", notes["summary"] + notes["description"])
    assert {*shown} <= {
        'printf "%.0f" $value',
        "$value | humanizePercentage",
        "$value | humanizeDuration",
    }


def test_alert_names_are_unique() -> None:
    names = [rule["alert"] for rule in ALERTING]
    assert len(set(names)) == len(names)
    assert all(name.startswith("StudioLinks") for name in names)


def test_prometheus_accepts_the_rules() -> None:
    subprocess.run([program("promtool"), "check", "rules", "--lint=all", "--lint-fatal", str(ALERTS)], check=True)


def test_alerts_fire_only_in_the_expected_cases() -> None:
    subprocess.run([program("promtool"), "test", "rules", str(FIRES)], check=True)


def test_dashboard_panels_are_unique_and_do_not_overlap() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    everything = dashboard["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    assert len({panel["title"] for panel in everything}) == len(everything)
    taken: set[tuple[int, int]] = set()
    for panel in everything:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken
        taken |= cells


def outcomes_asked_for(where: Path) -> list[str]:
    """Return the pattern of each selector by outcome in a file's expressions."""
    chosen = [each for name, text in expressions().items() if name.startswith(where.name) for each in selectors(text)]
    return [value for each in chosen for label, _, value in each.matchers if label == "outcome"]


def test_dashboard_shows_every_outcome() -> None:
    patterns = outcomes_asked_for(DASHBOARD)
    assert [each for each in sorted(OUTCOMES) if not any(re.fullmatch(one, each) for one in patterns)] == []


def test_alerts_and_dashboard_share_the_failure_outcomes() -> None:
    patterns = outcomes_asked_for(ALERTS) + outcomes_asked_for(DASHBOARD)
    failures = [frozenset(one.split("|")) - {"issued"} for one in patterns if "slack_refused" in one]
    assert len(failures) >= 4
    assert len(set(failures)) == 1


def test_dashboard_uses_the_selected_data_source() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    [variable] = dashboard["templating"]["list"]
    assert (variable["name"], variable["type"]) == ("datasource", "datasource")
    for panel in panels():
        assert panel["description"] is not None
        for target in panel["targets"]:
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_every_failed_outcome_has_its_next_step() -> None:
    """The rule lists what it counts as a failure; its runbook has a table by outcome."""
    [failures] = [rule["expr"] for rule in rules() if rule.get("record") == "studio_links:failures:rate10m"]
    [counted] = re.findall(r'outcome=~"([^"]+)"', failures)
    section = OPERATIONS.read_text(encoding="utf-8").split("### Members get no links\n")[1].split("\n### ")[0]
    named = {
        name for row in re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }

    assert {*counted.split("|")} <= named <= OUTCOMES
