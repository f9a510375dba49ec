"""The alert rules and the dashboard: they parse, they name what there is, and they lead somewhere."""

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
ALERTING = [rule for rule in rules() if "alert" in rule]
by_name = pytest.mark.parametrize("rule", ALERTING, ids=[rule["alert"] for rule in ALERTING])


def page() -> str:
    """What a bot shows before anybody has asked for anything."""
    metrics = Metrics()
    for pool in POOLS:
        metrics.watch_pool(BoundedExecutor(pool, workers=1, queue=1))
    metrics.watch_socket(connected=lambda: True, heard=lambda: 0.0, connections=lambda: 1, surplus=lambda: 0)
    return metrics.page().decode()


@pytest.mark.parametrize("where", expressions())
def test_an_expression_is_promql_about_metrics_that_there_are(where: str) -> None:
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
def test_what_is_misspelt_is_noticed(expression: str, problem: str) -> None:
    assert missing(expression, exported(page())) == [problem]


def test_what_is_no_promql_is_noticed() -> None:
    with pytest.raises(ValueError, match=r"."):
        selectors("sum by (rate(studio_links_requests_total[5m])")


@by_name
def test_an_alert_says_what_is_wrong_and_where_to_read_on(rule: dict[str, Any]) -> None:
    notes = rule["annotations"]
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert 10 < len(notes["summary"]) < 80
    assert notes["description"].endswith(".")
    where, _, anchor = notes["runbook_url"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / where).read_text(), re.MULTILINE)
    assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_no_two_alerts_have_one_name() -> None:
    names = [rule["alert"] for rule in ALERTING]
    assert len(set(names)) == len(names)
    assert all(name.startswith("StudioLinks") for name in names)


def test_prometheus_accepts_the_rules() -> None:
    subprocess.run([program("promtool"), "check", "rules", "--lint=all", "--lint-fatal", str(ALERTS)], check=True)


def test_alerts_fire_when_they_should_and_not_otherwise() -> None:
    subprocess.run([program("promtool"), "test", "rules", str(FIRES)], check=True)


def test_the_dashboards_panels_are_told_apart_and_do_not_overlap() -> None:
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
    """The pattern of each selector by outcome in a file's expressions."""
    chosen = [each for name, text in expressions().items() if name.startswith(where.name) for each in selectors(text)]
    return [value for each in chosen for label, _, value in each.matchers if label == "outcome"]


def test_however_a_request_ends_the_dashboard_shows_it() -> None:
    patterns = outcomes_asked_for(DASHBOARD)
    assert [each for each in sorted(OUTCOMES) if not any(re.fullmatch(one, each) for one in patterns)] == []


def test_alerts_and_dashboard_agree_on_what_a_failure_is() -> None:
    patterns = outcomes_asked_for(ALERTS) + outcomes_asked_for(DASHBOARD)
    failures = [frozenset(one.split("|")) - {"issued"} for one in patterns if "slack_refused" in one]
    assert len(failures) >= 4
    assert len(set(failures)) == 1


def test_the_dashboard_asks_the_data_source_that_its_reader_chooses() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    [variable] = dashboard["templating"]["list"]
    assert (variable["name"], variable["type"]) == ("datasource", "datasource")
    for panel in panels():
        assert panel["description"] is not None
        for target in panel["targets"]:
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
