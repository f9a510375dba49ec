"""AWS on this machine: one moto server on loopback for what the bot calls, and the pages of Studio.

    with LocalAws() as aws:
        os.environ.update(aws.environment())

moto is served as it is, with SageMaker extended (`sagemaker.py`) and two things put right around it:
DynamoDB requests run one at a time, because moto's conditional writes and transactions are not atomic under
threads; and only signed requests for these services get through, so that no web page and no other host
name can reach it.
"""

import io
import socket
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIEnvironment

from botocore.model import OperationNotFoundError
from moto.core.utils import get_service_model
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sagemaker.models import sagemaker_backends
from werkzeug.wrappers import Request, Response

from bot.local.aws import dynamodb, iam
from bot.local.aws.calls import Call, Calls, arguments
from bot.local.aws.faults import Fault, Faults, error
from bot.local.aws.sagemaker import install
from bot.local.aws.sagemaker_state import studio_state
from bot.local.aws.server import HOST, Server, listen, note_failure
from bot.local.aws.studio_site import StudioSite

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


class LocalAws:
    """The server. Use it as a context manager, or `start` and `stop` it; `stop` may be called twice.

    ``port`` 0 takes any free one. ``clock`` gives the seconds since the epoch, dates the answers, and rules the
    expiry of links and sessions. Starting begins with nothing: moto's state is the process's and is reset.
    """

    def __init__(self, *, port: int = 0, clock: Callable[[], float] = time.time) -> None:
        self.endpoint = ""
        self._port = port
        self.clock = clock
        self._site = StudioSite(clock)
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._faults = Faults()
        self._calls = Calls()
        self._dynamodb = threading.Lock()
        self._stopping = threading.Event()
        self._server: Server | None = None

    def start(self) -> Self:
        """Listen on loopback and serve from a thread.

        Raises OSError if the port is taken, and RuntimeError if another one runs in this process.
        """
        if not _running.acquire(blocking=False):
            raise RuntimeError(
                "Another LocalAws runs in this process, and moto's state is one for all: stop it first."
            )
        try:
            dynamodb.install()
            iam.install()
            install(self._site)
            self.reset()
            for service in SERVICES:  # the models take a while to load: not in the time of the first caller
                get_service_model(service)
            self._server = listen(self._port, self)
        except BaseException:
            _running.release()
            raise
        self.endpoint = self._site.origin = f"http://{HOST}:{self._server.port}"
        self._stopping.clear()
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop listening, end the requests under way, and free the port."""
        if not self._server:
            return
        self._stopping.set()
        self._server.stop()
        self._server = None
        _running.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def reset(self) -> None:
        """Back to nothing: no tables, domains, links, faults or calls."""
        with self._dynamodb:
            moto_api_backend.reset()
        self._site.forget()
        self._faults.clear()
        self._calls.clear()

    def environment(self) -> dict[str, str]:
        """The variables that send boto3, the AWS CLI and the bot here, with made-up credentials."""
        endpoints = {f"AWS_ENDPOINT_URL_{name}": self.endpoint for name in SERVICES.values()}
        return endpoints | {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "local-aws",
            "AWS_SECRET_ACCESS_KEY": "local-aws",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    # For tests: what was asked, and what goes wrong.

    @property
    def calls(self) -> list[str]:
        """The operations asked for since the last reset, in order of arrival, failed ones too. A copy."""
        return [call.operation for call in self._calls.all()]

    @property
    def recorded(self) -> list[Call]:
        """The same calls, with their arguments and who made them."""
        return self._calls.all()

    def inject(self, operation: str, fault: Fault) -> None:
        """Make the next calls of an operation ("PutItem") go wrong."""
        self._faults.inject(operation, fault)

    def clear_faults(self) -> None:
        """Serve every call as usual again."""
        self._faults.clear()

    def set_status(self, domain_id: str, profile: str | None = None, *, status: str) -> None:
        """Put a domain or one of its profiles in a state ("Pending", "Failed"). KeyError if it is unknown."""
        for regions in list(sagemaker_backends.values()):
            for backend in list(regions.values()):
                if domain_id in backend.domains:
                    if profile is None:
                        backend.domains[domain_id].status = status
                    else:
                        studio_state(backend).profiles[domain_id, profile.lower()].status = status
                    return
        raise KeyError(domain_id)

    # The WSGI application.

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        try:
            response = self._answer(Request(environ))
        except ConnectionAbortedError:
            raise  # a fault that was ordered
        except Exception as problem:  # noqa: BLE001 - what moto or we trip over is an answer too
            note_failure()
            response = error("InternalFailure", f"The stand-in for AWS failed: {type(problem).__name__}", 500)
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.host.partition(":")[0] not in {HOST, "localhost"}:
            # Some other name that resolves to loopback: a web page that tries DNS rebinding.
            return Response("Only for this machine.\n", 403)
        if "X-Amz-Target" in request.headers or "Authorization" in request.headers:
            return _refusal(request) or self._serve_call(request)
        return self._site.respond(request)

    def _serve_call(self, request: Request) -> Response:
        """One call of the API, with the fault that was ordered for it, if any."""
        body = request.get_data(cache=False)
        request.environ["wsgi.input"] = io.BytesIO(body)
        operation, query = _operation(request, body)
        caller, now = _credential(request)[0], time.time()
        self._calls.note(Call(operation, arguments(body, query=query), caller, now))
        fault = self._faults.take(operation) or Fault()
        self._stopping.wait(fault.delay)
        answer = None if fault.spoils and not fault.served else self._ask_moto(request, operation)
        if fault.drop:
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError  # to werkzeug the client has gone: it sends nothing
        return fault.answer(xml=query) if fault.spoils or answer is None else answer

    def _ask_moto(self, request: Request, operation: str) -> Response:
        target = request.headers.get("X-Amz-Target", "")
        with self._dynamodb if target.startswith("DynamoDB_") else nullcontext():
            try:
                return Response.from_app(self._moto, request.environ, buffered=True)
            except (NotImplementedError, OperationNotFoundError):
                return error("UnknownOperationException", f"The stand-in for AWS does not have {operation}.")


def _refusal(request: Request) -> Response | None:
    """Why this is not a call for us. SDKs send no Origin: one that has it comes from a page in a browser."""
    if "Origin" in request.headers:
        return Response("Not for web pages.\n", 403)
    if (request.content_length or 0) > MAX_BODY or "Transfer-Encoding" in request.headers:
        return error("RequestEntityTooLarge", "The request is too large.", 413)
    scope = _credential(request)
    if len(scope) != 5:  # noqa: PLR2004 - key, date, region, service, "aws4_request"
        return error("MissingAuthenticationToken", "Sign the request; any credentials will do.", 403)
    if scope[3] not in SERVICES:
        return error("UnknownService", f"The stand-in for AWS has {', '.join(SERVICES)} only, not {scope[3]}.")
    return None


def _credential(request: Request) -> list[str]:
    return request.headers.get("Authorization", "").partition("Credential=")[2].split(",")[0].split("/")


def _operation(request: Request, body: bytes) -> tuple[str, bool]:
    """The operation's name, and whether it came by the query protocol (as for STS), in the body."""
    target = request.headers.get("X-Amz-Target", "")
    if target:
        return target.rpartition(".")[2], False
    return parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0], True
