"""One page of metrics for several worker processes: a scrape reaches any of them, and must not depend on which.

prometheus_client's own way, its multiprocess mode, has no room for gauges that are asked when the page is, nor for
what the operating system says of each process.
https://prometheus.github.io/client_python/multiprocess/
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from prometheus_client import Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

# Seconds by which the others' numbers may be old.
EVERY = 1.0


class _Merged(Collector):
    def __init__(self, families: Mapping[str, Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families.values()


def merge(pages: Mapping[str, bytes]) -> bytes:
    """The pages of several workers as one: every sample says from which worker it is."""
    families: dict[str, Metric] = {}
    for worker, page in pages.items():
        for family in text_string_to_metric_families(page.decode()):
            merged = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            merged.samples += [
                sample._replace(labels={**sample.labels, "worker": worker}) for sample in family.samples
            ]
    return generate_latest(_Merged(families))


class SharedPages:
    """A worker's page beside those of the others, in a folder that they share.

    Args:
        worker: the worker's place, which the next one takes when it has ended.
        own: makes its own page.
    """

    def __init__(self, folder: Path, worker: int, own: Callable[[], bytes]) -> None:
        self._folder, self._worker, self._own = folder, worker, own
        self._stopping = threading.Event()

    def start(self) -> None:
        """Write this worker's page every second, for the others to show."""
        threading.Thread(target=self._keep_writing, name="metrics", daemon=True).start()

    def stop(self) -> None:
        """Write no more."""
        self._stopping.set()

    def page(self) -> bytes:
        """All workers' metrics: this one's as they are now, the others' as they were a second ago."""
        pages = {str(self._worker): self._own()}
        for path in sorted(self._folder.glob("*.prom")):
            if path.stem not in pages:
                with suppress(FileNotFoundError):  # its worker has ended since
                    pages[path.stem] = path.read_bytes()
        return merge(pages)

    def _keep_writing(self) -> None:
        target, draft = self._folder / f"{self._worker}.prom", self._folder / f"{self._worker}.draft"
        while not self._stopping.is_set():
            draft.write_bytes(self._own())
            draft.replace(target)  # at once, so that nobody reads half of it
            self._stopping.wait(EVERY)
        with suppress(FileNotFoundError):
            target.unlink()
