"""Faults on order: make a stand-in throttle, refuse, stall or hang up, as Slack and AWS may do."""

import socket
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Fault:
    """A failure of a request. With nothing but `delay`, the request is late and then served as usual.

    Attributes:
        code, message: an error of AWS, like `Fault("ThrottlingException", "Rate exceeded")`.
        status: the HTTP status of the error; 400 for AWS if it is not given.
        delay: seconds to wait before anything else.
        drop: close the connection without an answer.
        body: for AWS, answer with these bytes instead of what the protocol asks for.
        served: let the request take effect, and only spoil its answer: a retry then meets its own first attempt.
        retry_after: seconds, for the header of that name.
        times: how many requests it affects; None for every request until it is cleared.
    """

    code: str = ""
    message: str = ""
    status: int | None = None
    delay: float = 0.0
    drop: bool = False
    body: bytes | None = None
    served: bool = False
    retry_after: int | None = None
    times: int | None = 1

    @property
    def spoils(self) -> bool:
        """Return whether the client gets something else than the request's own answer."""
        return bool(self.code) or self.drop or self.body is not None or self.status is not None

    @property
    def takes_effect(self) -> bool:
        """Return whether the request is carried out."""
        return self.served or not self.spoils


class Faults:
    """The faults on order, by target: an operation, a Web API method, `response_url`. Each target's apply in turn."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self._orders: dict[str, list[Fault]] = defaultdict(list)
        self._lock = threading.Lock()

    def inject(self, target: str, *faults: Fault) -> None:
        """Make the next requests to an AWS operation, Web API method or `response_url` fail: one fault each."""
        with self._lock:
            self._orders[target].extend(faults)

    def clear(self) -> None:
        """Serve every request as usual again."""
        with self._lock:
            self._orders.clear()

    def take(self, target: str) -> Fault:
        """Use up the fault that affects this request, and sit out its delay."""
        with self._lock:
            orders = self._orders[target]
            fault = orders[0] if orders else Fault()
            if orders and fault.times is not None:
                orders[:1] = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
        self.stopped.wait(fault.delay)
        return fault


def hang_up(environ: Mapping[str, Any]) -> None:
    """Break a request's connection: the client gets no answer."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
