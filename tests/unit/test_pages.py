"""One page of metrics for several workers."""

import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from bot.core.link import Stage
from bot.observability.metrics import Metrics
from bot.observability.worker_metrics import SharedPages, merge


def samples(page: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def worker(links: int) -> Metrics:
    metrics = Metrics()
    for _ in range(links):
        metrics.outcome("issued")
        metrics.record_duration(Stage.WHOLE, 0.2)
    return metrics


def test_every_sample_of_every_worker_is_there_and_says_whose_it_is() -> None:
    pages = {"0": worker(3).page(), "1": worker(4).page()}

    merged = samples(merge(pages))

    assert merged == {
        (name, labels | {("worker", number)}): value
        for number, page in pages.items()
        for (name, labels), value in samples(page).items()
    }


def test_a_family_is_told_of_once() -> None:
    lines = merge({"0": worker(1).page(), "1": worker(1).page()}).decode().splitlines()
    told = [line for line in lines if line.startswith("# ")]

    assert len(told) == len(set(told))
    assert 'studio_links_requests_total{outcome="issued",worker="1"} 1.0' in lines
    assert 'studio_links_stage_seconds_bucket{le="0.25",stage="whole",worker="0"} 1.0' in lines
    assert "# TYPE studio_links_stage_seconds histogram" in lines
    assert "# TYPE studio_links_requests_total counter" in lines


def test_workers_find_each_others_pages_and_a_worker_that_ends_takes_its_own_away(tmp_path: Path) -> None:
    first, second = worker(1), worker(2)
    mine, theirs = SharedPages(tmp_path, 0, first.page), SharedPages(tmp_path, 1, second.page)
    assert len(samples(mine.page())) == len(samples(first.page()))
    theirs.start()
    wait_until(tmp_path, 1)
    first.outcome("issued")  # one's own page is never old

    shown = samples(mine.page())

    issued = {("outcome", "issued")}
    assert shown["studio_links_requests_total", frozenset(issued | {("worker", "0")})] == 2
    assert shown["studio_links_requests_total", frozenset(issued | {("worker", "1")})] == 2
    theirs.stop()
    wait_until(tmp_path, 0)


def wait_until(folder: Path, pages: int) -> None:
    deadline = time.monotonic() + 10
    while len(list(folder.glob("*.prom"))) != pages:
        assert time.monotonic() < deadline
        time.sleep(0.02)
