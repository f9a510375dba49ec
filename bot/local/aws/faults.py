"""Faults on order: make the AWS stand-in throttle, refuse, stall, hang up or babble, as AWS may do."""

import json
import threading
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a call. With nothing but ``delay`` the call is late, and then served as usual.

    code, message, status: an error answer, like ``Fault("ThrottlingException", "Rate exceeded")``
    delay: seconds to wait before anything else
    drop: close the connection without an answer
    body: answer with these bytes (and ``status``) instead of what the protocol asks for
    served: let the call take effect, and only spoil its answer: a retry then meets its own first attempt
    times: how many calls it hits; None for every call until it is cleared
    """

    code: str = ""
    message: str = ""
    status: int = 400
    delay: float = 0.0
    drop: bool = False
    body: bytes | None = None
    served: bool = False
    times: int | None = 1

    @property
    def spoils(self) -> bool:
        """Whether the caller gets something else than the call's own answer."""
        return bool(self.code) or self.drop or self.body is not None

    def answer(self, *, xml: bool) -> Response:
        """The spoilt answer: AWS's JSON or, for STS, XML error document; or the bytes that were ordered."""
        if self.body is not None:
            return Response(self.body, self.status, content_type="application/octet-stream")
        return error(self.code, self.message, self.status, xml=xml)


def error(code: str, message: str, status: int = 400, *, xml: bool = False) -> Response:
    """An error as SDKs expect it, of the JSON protocols or of the query protocol."""
    if xml:
        inner = f"<Type>Sender</Type><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        return Response(f"<ErrorResponse><Error>{inner}</Error></ErrorResponse>", status, content_type="text/xml")
    text = json.dumps({"__type": code, "message": message})
    return Response(text, status, {"x-amzn-ErrorType": code}, content_type="application/x-amz-json-1.1")


class Faults:
    """The faults on order, by operation name ("PutItem"). Several for one operation are used in turn."""

    def __init__(self) -> None:
        self._orders: dict[str, list[Fault]] = {}
        self._lock = threading.Lock()

    def inject(self, operation: str, fault: Fault) -> None:
        """Order ``fault`` for the next calls of ``operation``."""
        with self._lock:
            self._orders.setdefault(operation, []).append(fault)

    def clear(self) -> None:
        """Cancel all orders."""
        with self._lock:
            self._orders.clear()

    def take(self, operation: str) -> Fault | None:
        """The fault that hits this call, if one does; uses it up by one."""
        with self._lock:
            orders = self._orders.get(operation)
            if not orders:
                return None
            fault = orders[0]
            if fault.times is not None:
                if fault.times > 1:
                    orders[0] = replace(fault, times=fault.times - 1)
                else:
                    del orders[0]
            return fault
