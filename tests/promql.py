"""Parse the PromQL in deploy/ and compare it with a page of metrics."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser
import yaml
from prometheus_client.parser import text_string_to_metric_families

DEPLOY = Path(__file__).parent.parent / "deploy"
ALERTS, DASHBOARD = DEPLOY / "alerts.yml", DEPLOY / "grafana-dashboard.json"

# Labels that Prometheus adds to every series.
FROM_PROMETHEUS = {"instance", "job"}
Labels = dict[str, set[str]]


@cache
def rules() -> list[dict[str, Any]]:
    """Return every rule of the alerts file."""
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


@cache
def panels() -> list[dict[str, Any]]:
    """Return every panel of the dashboard except rows."""
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return [panel for panel in found if panel["type"] != "row"]


@cache
def expressions() -> dict[str, str]:
    """Return every expression in deploy/ by its location, with Grafana's variables replaced."""
    found = {f"{ALERTS.name}: {rule.get('alert') or rule['record']}": rule["expr"] for rule in rules()}
    for panel in panels():
        for target in panel["targets"]:
            expression = target["expr"].replace("$__rate_interval", "5m")
            found[f"{DASHBOARD.name}: {panel['title']} {target['refId']}"] = expression
    return found


@dataclass(frozen=True)
class Selector:
    """A metric in an expression, with its label matchers."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]


def selectors(expression: str) -> list[Selector]:
    """Return the selectors of an expression.

    Raises:
        ValueError: the expression is not PromQL.
    """
    return [
        Selector(node.name or "", tuple((m.name, str(m.op), m.value) for m in node.matchers.matchers))
        for node in _nodes(promql_parser.parse(expression))
        if isinstance(node, promql_parser.VectorSelector)
    ]


def grouping(expression: str) -> set[str]:
    """Return the labels that an expression groups or joins by."""
    found = re.findall(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)", expression)
    return {label.strip() for labels in found for label in labels.split(",") if label.strip()}


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    for part in ("lhs", "rhs", "expr", "param", "args", "vector_selector"):
        inner = getattr(node, part, None)
        for each in inner if isinstance(inner, list) else [inner]:
            if type(each).__module__ == promql_parser.__name__:
                yield from _nodes(each)


def exported(page: str) -> dict[str, Labels]:
    """Return every metric of a page with its labels and their values."""
    found: dict[str, Labels] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            labels = found.setdefault(sample.name, defaultdict(set))
            for label, value in sample.labels.items():
                labels[label].add(value)
    return found


def missing(expression: str, there: dict[str, Labels]) -> list[str]:
    """Describe the metrics, labels and values of an expression that do not exist."""
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    problems, labels = [], set(FROM_PROMETHEUS)
    for selector in selectors(expression):
        if selector.name in recorded:
            continue
        if selector.name not in there:
            problems.append(f"no metric {selector.name}")
            continue
        has = there[selector.name]
        labels |= set(has)
        for label, operator, value in selector.matchers:
            if label not in has:
                problems.append(f"{selector.name} has no label {label}")
                continue
            # Every alternative of a pattern must exist; otherwise it is misspelt.
            wanted = value.split("|") if "Re" in operator or "~" in operator else [re.escape(value)]
            problems += [
                f"{selector.name} has no {label} {each}"
                for each in wanted
                if not any(re.fullmatch(each, one) for one in has[label])
            ]
    return problems + [f"nothing has the label {label}" for label in grouping(expression) - labels]
