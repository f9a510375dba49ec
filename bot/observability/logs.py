"""Logging: one chain for our own events and for libraries' records, with secrets removed at its end.

Two safeguards, as neither is complete: libraries that print bodies and URLs are limited to WARNING or above, and
every line is searched for secrets by value and by pattern before it is written.
"""

import logging
import re
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor

REDACTED = "[redacted]"

# Below these levels the libraries print links, tokens, response_urls or bodies. slack_bolt warns of a token it does
# not use; urllib3's warnings quote addresses.
FLOORS = {
    "asyncio": logging.WARNING,
    "boto3": logging.WARNING,
    "botocore": logging.WARNING,
    "opentelemetry": logging.WARNING,
    "pynamodb": logging.WARNING,
    "slack_bolt": logging.ERROR,
    # slack_sdk repeats at ERROR the body of an answer that was not JSON.
    "slack_sdk": logging.CRITICAL,
    "urllib3": logging.ERROR,
    "waitress": logging.WARNING,
    "waitress.queue": logging.ERROR,  # it warns of each request that waits for a thread
    "websockets": logging.CRITICAL,  # its errors come with tracebacks that may quote a message
}

# The form of a secret whose value is not known beforehand.
SLASH = r"(?:\\?/|%2F)"  # plain, as JSON escapes it, or as an address within an address
SHAPES = re.compile(
    rf"""
      \bxox[a-z](?:\.xox[a-z])?-[\w.-]+            # Slack's tokens, by their prefixes
    | \bxapp-[\w.-]+
    | \bwss?(?::|%3A){SLASH}{{2}}[^\s"'<>]+          # Socket Mode, which puts a ticket into its address
    | https?(?::|%3A){SLASH}{{2}}[^\s"'<>]*(?:[?&]|%3F|%26)(?:token|X-Amz-[a-z-]+)(?:=|%3D)[^\s"'<>]*
    | (?:https?(?::|%3A){SLASH}{{2}}[^\s"'<>/]+)?          # response_urls, with or without their host
      {SLASH}(?:commands|actions|app|services){SLASH}(?-i:[TE][A-Z0-9]+)[^\s"'<>]*
    | (?:token|ticket)(?:=|%3D)[^\s"'&<>]+
    | \bbearer\s+[^\s"']+
    """,
    re.VERBOSE | re.IGNORECASE,
)
SECRET_KEYS = re.compile(
    r"(?i)(url|token|secret|password|authorization|signature|ticket|trigger_?id|credential|cookie|^body$|^payload$)"
)


class Redactor:
    """Remove secrets from log events by key, by registered value, and by pattern."""

    def __init__(self) -> None:
        self._values: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    def register(self, *secrets: str) -> None:
        """Redact these values. Short ones are ignored: they would redact ordinary words."""
        with self._lock:
            self._values |= {secret for secret in secrets if len(secret) >= 6}  # noqa: PLR2004

    def clean(self, text: str) -> str:
        """Return the text without secrets."""
        for value in self._values:
            text = text.replace(value, REDACTED)
        return SHAPES.sub(REDACTED, text)

    def clean_value(self, value: object) -> object:
        """Return the value with all text in it cleaned; anything but plain data becomes its cleaned text."""
        if isinstance(value, str):
            return self.clean(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            return {
                self.clean(str(k)): REDACTED if SECRET_KEYS.search(str(k)) else self.clean_value(v)
                for k, v in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset):
            return [self.clean_value(item) for item in value]
        return self.clean(str(value))

    def processor(self, _logger: object, _name: str, event: EventDict) -> EventDict:
        """Clean an event, as a step of the log chain after tracebacks have become text."""
        cleaned = self.clean_value({k: v for k, v in event.items() if k not in ("_record", "_from_structlog")})
        assert isinstance(cleaned, dict)  # noqa: S101 - a dict goes in, a dict comes out
        return cleaned


redactor = Redactor()


def _is_quiet_enough(record: logging.LogRecord) -> bool:
    """Hold libraries at their floors, in the handler because slack_bolt sets its loggers' levels itself."""
    library, _, rest = record.name.partition(".")
    part = f"{library}.{rest.partition('.')[0]}"
    return record.levelno >= FLOORS.get(part, FLOORS.get(library, logging.NOTSET))


def configure(*, level: str, style: str, stream: TextIO | None = None) -> None:
    """Set up logging for the whole process."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=False)
        if style == "console"
        else structlog.processors.JSONRenderer(sort_keys=True)
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.PositionalArgumentsFormatter()],
            processors=[structlog.processors.format_exc_info, redactor.processor, renderer],
        )
    )
    handler.addFilter(_is_quiet_enough)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, floor in FLOORS.items():  # saves creating records that would be dropped
        logging.getLogger(name).setLevel(max(floor, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    logging.raiseExceptions = False  # a full disk must not print the record, unredacted, to stderr


def catch_crashes() -> None:
    """Send uncaught exceptions through the chain: Python would print them unredacted."""
    sys.excepthook = _log_crash
    threading.excepthook = lambda crash: _log_crash(crash.exc_type, crash.exc_value, crash.exc_traceback)


def _log_crash(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if error is not None and issubclass(kind, Exception):
        logging.getLogger(__name__).critical("crashed", exc_info=(kind, error, trace))
