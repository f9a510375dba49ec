"""AWS on this machine: one moto server on loopback for what the bot calls, and the pages of Studio.

    with LocalAws() as aws:
        os.environ.update(aws.environment())

moto is served with SageMaker extended (`sagemaker.py`). DynamoDB requests run one at a time, because moto's
conditional writes and transactions are not atomic under threads. Only signed requests for these services get
through, so that no web page and no other host name can reach it.
"""

import io
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any, Self
from wsgiref.types import StartResponse, WSGIEnvironment
from xml.sax.saxutils import escape

from botocore.model import OperationNotFoundError
from moto.core.utils import get_service_model
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sagemaker.models import sagemaker_backends
from werkzeug.http import http_date
from werkzeug.wrappers import Request, Response

from bot.local.aws import (
    dynamodb,
    iam,
    sagemaker,
)
from bot.local.aws.calls import Call, arguments, credential, operation
from bot.local.aws.constraints import mistyped
from bot.local.aws.sagemaker_state import Delays, Kind, moment, studio_state
from bot.local.aws.studio_site import LinkEvent, StudioSite
from bot.local.faults import hang_up
from bot.local.loopback import KEPT, LoopbackServer, is_loopback, note_failure

REGION = "us-east-1"
SERVICES = {
    "dynamodb": "DYNAMODB",
    "iam": "IAM",
    "sagemaker": "SAGEMAKER",
    "sts": "STS",
    "secretsmanager": "SECRETS_MANAGER",
    "ssm": "SSM",
}
MAX_BODY = 17 * 1024 * 1024  # a little over DynamoDB's 16 MB, the most that any of the services takes

_running = threading.Lock()  # moto's state belongs to the process, so one server at a time


class LocalAws(LoopbackServer):
    """The server, which starts empty. `clock` dates its answers, and decides when links and sessions expire.

    `on_link` hears what becomes of Studio links, and never a link.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        clock: Callable[[], float] = time.time,
        on_link: Callable[[LinkEvent], None] = lambda _: None,
    ) -> None:
        super().__init__(self, port)
        self.clock = clock
        self._site = StudioSite(clock, on_link)
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._calls: deque[Call] = deque(maxlen=KEPT)
        self._dynamodb = threading.Lock()

    def start(self) -> Self:
        """Listen; OSError if the port is taken, RuntimeError if another one runs in this process."""
        if not _running.acquire(blocking=False):
            raise RuntimeError("Another LocalAws runs in this process, and they share moto's state: stop it first.")
        try:
            dynamodb.install()
            iam.install()
            sagemaker.install(self._site)
            self.reset()
            for service in SERVICES:  # loading the models takes a while: not in the time of the first caller
                get_service_model(service)
            self.faults.stopped.clear()
            super().start()
        except BaseException:
            _running.release()
            raise
        self._site.origin = self.url
        return self

    def stop(self) -> None:
        if self._server:
            super().stop()
            _running.release()

    @property
    def endpoint(self) -> str:
        return self.url

    def reset(self) -> None:
        """Drop everything: tables, domains, links, faults and calls."""
        with self._dynamodb:
            moto_api_backend.reset()
        self._site.forget()
        self._site.delays = Delays()
        self.faults.clear()
        self._calls.clear()

    def environment(self) -> dict[str, str]:
        """Return the variables that send boto3, the AWS CLI and the bot here, with made-up credentials."""
        endpoints = {f"AWS_ENDPOINT_URL_{name}": self.endpoint for name in SERVICES.values()}
        return endpoints | {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "localaws",  # DynamoDB Local takes letters and digits only
            "AWS_SECRET_ACCESS_KEY": "localaws",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def calls(self) -> list[str]:
        """The operations called since the last reset, in order of arrival, failed ones too. A copy."""
        return [call.operation for call in self._calls.copy()]

    @property
    def recorded(self) -> list[Call]:
        """The same calls, with their arguments and callers."""
        return list(self._calls.copy())

    @property
    def delays(self) -> Delays:
        """How long the changes of profiles, spaces and apps take, and which of them fail; to be set."""
        return self._site.delays

    def set_status(self, domain_id: str, name: str | None = None, *, kind: Kind = "UserProfile", status: str) -> None:
        """Put a domain, or what has this name in it, in a state ("Pending", "Failed"). KeyError if it is unknown."""
        backend = _backend_of(domain_id)
        changed = backend.domains[domain_id] if name is None else studio_state(backend).get(kind, domain_id, name)
        changed.status = status

    def backdate(self, domain_id: str, app: str, *, hours: float) -> None:
        """Let an app, named as in its ARN, have run for so many hours. KeyError if the domain is unknown."""
        studio_state(_backend_of(domain_id)).get("App", domain_id, app).created = moment(self.clock() - hours * 3600)

    # The WSGI application.

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        try:
            response = self._answer(Request(environ))
        except ConnectionAbortedError:
            raise  # a fault that was ordered
        except Exception as failure:  # noqa: BLE001 - a failure of moto or of ours is an answer too
            note_failure()
            response = _error("InternalFailure", f"The stand-in for AWS failed: {type(failure).__name__}", 500)
        with suppress(ValueError):  # past every date that datetime knows
            response.headers["Date"] = http_date(self.clock())
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if not is_loopback(request.host):
            return Response("Only for this machine.\n", 403)
        if "X-Amz-Target" in request.headers or "Authorization" in request.headers:
            return _refusal(request) or self._serve_call(request)
        return self._site.respond(request)

    def _serve_call(self, request: Request) -> Response:
        """Answer one call of the API, with the fault that was ordered for it, if any."""
        body = request.get_data(cache=False)
        request.environ["wsgi.input"] = io.BytesIO(body)
        name, query = operation(request, body)
        sent = arguments(body, query=query)
        self._calls.append(Call(name, sent if isinstance(sent, dict) else {}, credential(request)[0], time.time()))
        fault = self.faults.take(name)
        answer = self._ask_moto(request, name, sent) if fault.takes_effect else None
        if fault.drop:
            hang_up(request.environ)
            raise ConnectionAbortedError  # to werkzeug the client has gone: it sends nothing
        if fault.body is not None:
            return Response(fault.body, fault.status or 400, content_type="application/octet-stream")
        if fault.spoils or answer is None:
            return _error(fault.code, fault.message, fault.status or 400, xml=query)
        return answer

    def _ask_moto(self, request: Request, name: str, sent: Any) -> Response:
        service = credential(request)[3]
        with self._dynamodb if service == "dynamodb" else nullcontext():
            try:
                shape = get_service_model(service).operation_model(name).input_shape
                if "X-Amz-Target" in request.headers and shape and (wrong := mistyped(shape, sent)):
                    return _error("SerializationException", wrong)
                return Response.from_app(self._moto, request.environ, buffered=True)
            except (NotImplementedError, OperationNotFoundError):
                return _error("UnknownOperationException", f"The stand-in for AWS does not have {name}.")


def _backend_of(domain_id: str) -> Any:
    backends = [backend for regions in list(sagemaker_backends.values()) for backend in list(regions.values())]
    return {name: backend for backend in backends for name in backend.domains}[domain_id]


def _refusal(request: Request) -> Response | None:
    """Refuse what is no call for us. SDKs send no Origin: a request with one comes from a page in a browser."""
    if "Origin" in request.headers:
        return Response("Not for web pages.\n", 403)
    if (request.content_length or 0) > MAX_BODY or "Transfer-Encoding" in request.headers:
        return _error("RequestEntityTooLarge", "The request is too large.", 413)
    scope = credential(request)
    if len(scope) != 5:  # noqa: PLR2004 - see credential()
        return _error("MissingAuthenticationToken", "Sign the request; any credentials will do.", 403)
    if scope[3] not in SERVICES:
        return _error("UnknownService", f"The stand-in for AWS has {', '.join(SERVICES)} only, not {scope[3]}.")
    return None


def _error(code: str, message: str, status: int = 400, *, xml: bool = False) -> Response:
    """Return an error as SDKs expect it, of the JSON protocols or of the query protocol."""
    if xml:
        inner = f"<Type>Sender</Type><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        return Response(f"<ErrorResponse><Error>{inner}</Error></ErrorResponse>", status, content_type="text/xml")
    text = json.dumps({"__type": code, "message": message})
    return Response(text, status, {"x-amzn-ErrorType": code}, content_type="application/x-amz-json-1.1")
