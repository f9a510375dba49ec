"""What operators see."""

from bot.metrics import Metrics


def test_outcomes_are_counted_by_name() -> None:
    metrics = Metrics(lambda: 0)
    for outcome in ("issued", "issued", "denied"):
        metrics.outcome(outcome)
    page = metrics.page().decode()
    assert 'studio_links_requests_total{outcome="issued"} 2.0' in page
    assert 'studio_links_requests_total{outcome="denied"} 1.0' in page


def test_times_fall_into_buckets() -> None:
    metrics = Metrics(lambda: 0)
    metrics.answered(0.3)
    metrics.waited(4)
    page = metrics.page().decode()
    assert 'studio_links_answer_seconds_bucket{le="0.2"} 0.0' in page
    assert 'studio_links_answer_seconds_bucket{le="0.35"} 1.0' in page
    assert "studio_links_answer_seconds_sum 0.3" in page
    assert 'studio_links_wait_seconds_bucket{le="5.0"} 1.0' in page


def test_what_is_in_flight_is_asked_for_when_it_is_shown() -> None:
    in_flight = [3]
    metrics = Metrics(lambda: in_flight[0])
    assert "studio_links_in_flight 3.0" in metrics.page().decode()
    in_flight[0] = 0
    assert "studio_links_in_flight 0.0" in metrics.page().decode()


def test_two_bots_in_one_process_are_counted_apart() -> None:
    one, other = Metrics(lambda: 0), Metrics(lambda: 0)
    one.outcome("issued")
    assert "issued" not in other.page().decode()
