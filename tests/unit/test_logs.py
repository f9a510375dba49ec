"""Log lines, and the secrets that must not be in them."""

import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from bot.core.link import Link
from bot.observability import logs
from bot.observability.logs import FLOORS, REDACTED, Redactor
from tests.fakes import NOON

LINK = "https://d-research.studio.eu-west-1.sagemaker.aws/auth?token=eyJhbGciOiJIUzI1"
HOOK = "https://hooks.slack.com/commands/T0STUDIO01/123456789012/AbCdEfGhIjKlMnOp"
TOKEN = "xoxb-1234567890-AbCdEfGhIjKl"
SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SECRETS = (LINK, HOOK, TOKEN, SIGNING_SECRET)


@pytest.fixture
def redactor() -> Redactor:
    redactor = Redactor()
    redactor.register(SIGNING_SECRET)
    return redactor


@pytest.fixture(params=["json", "console"])
def stream(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, redactor: Redactor
) -> Iterator[io.StringIO]:
    """Set up logging as the bot does, at DEBUG, into a string; restore the previous set-up afterwards."""
    monkeypatch.setattr(logs, "redactor", redactor)
    stream, root = io.StringIO(), logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    hooks = sys.excepthook, threading.excepthook
    logs.configure(level="DEBUG", style=request.param, stream=stream)
    logs.catch_crashes()
    yield stream
    root.handlers[:], logging.raiseExceptions = handlers, raising
    sys.excepthook, threading.excepthook = hooks
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


# Finding secrets

SHAPED = {
    "a link": LINK,
    "a link on this machine": "http://127.0.0.1:4566/studio/d-research/auth?token=abcDEF_123-456",
    "a signed address": "https://bucket.s3.amazonaws.com/key?X-Amz-Signature=0123456789abcdef&X-Amz-Expires=60",
    "a session in an address": "https://sts.amazonaws.com/?Action=x&X-Amz-Security-Token=IQoJb3JpZ2luX2Vj",
    "a bot token": TOKEN,
    "a user token": "xoxp-1234567890-AbCdEfGhIjKl",
    "a rotated token": "xoxe.xoxb-1-AbCdEfGhIjKl",
    "an app token": "xapp-1-A0STUDIO01-123-abcdef",
    "a command's response_url": HOOK,
    "a button's response_url": "https://hooks.slack.com/actions/T0STUDIO01/123456789012/AbCdEfGhIjKlMnOp",
    "an incoming webhook": "https://hooks.slack.com/services/T0STUDIO01/B0/AbCdEfGhIjKlMnOp",
    "a response_url on this machine": "http://127.0.0.1:9000/commands/T0STUDIO01/123/AbCdEfGhIjKl",
    "an escaped link": LINK.replace("/", "\\/"),
    "a link in an address": "https%3A%2F%2Fd-x.studio.eu-west-1.sagemaker.aws%2Fauth%3Ftoken%3DeyJhbGciOiJI",
    "a response_url in an address": "https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT0STUDIO01%2F12%2FAbCdEfGh",
    "a path of a response_url": "/commands/T0STUDIO01/123456789012/AbCdEfGhIjKlMnOp",
    "a header": "Bearer AbCdEfGhIjKlMnOp",
    "a token in capitals": TOKEN.upper(),
    "a Socket Mode address": "wss://wss-primary.slack.com/link/?ticket=abcdef-123&app_id=x",
}


@pytest.mark.parametrize("secret", SHAPED.values(), ids=SHAPED)
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "see {} for more",
        "'{}'",
        '{{"url": "{}"}}',
        "<{}>",
        "({})",
        "url={}",
        "{}\nnext line",
        "\t{}\t",
        "b'{}'",
    ],
)
def test_secrets_are_recognized_by_their_form(redactor: Redactor, secret: str, around: str) -> None:
    cleaned = redactor.clean(around.format(secret))
    tail = secret[-8:]
    assert REDACTED in cleaned
    assert tail not in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "profile ana in d-research",
        "https://docs.slack.dev/reference/block-kit/blocks",
        "table studio-links-access is CREATING",
        "arn:aws:iam::123456789012:role/studio/broker",
        "https://d-research.studio.eu-west-1.sagemaker.aws/",
        "reading https://slack.com/api/users.info took 3 s",
        "a token is missing",
    ],
)
def test_ordinary_text_is_unchanged(redactor: Redactor, text: str) -> None:
    assert redactor.clean(text) == text


def test_registered_secrets_are_recognized_by_value(redactor: Redactor) -> None:
    assert SIGNING_SECRET not in redactor.clean(f"secret={SIGNING_SECRET};")
    redactor.register("another-secret", "short", "")
    assert redactor.clean("another-secret is not short") == f"{REDACTED} is not short"
    assert SIGNING_SECRET not in redactor.clean(SIGNING_SECRET)


@pytest.mark.parametrize(
    "key",
    [
        "url",
        "URL",
        "response_url",
        "responseUrl",
        "AuthorizedUrl",
        "authorized_url",
        "token",
        "Token",
        "secret",
        "signing_secret",
        "Authorization",
        "password",
        "body",
        "payload",
        "trigger_id",
        "X-Slack-Signature",
        "cookie",
        "aws_session_token",
        "credentials",
    ],
)
def test_value_under_a_secret_key_is_redacted(redactor: Redactor, key: str) -> None:
    for value in ("x", "", 7, None, ["x"], {"x": "y"}):
        assert redactor.clean_value({key: value}) == {key: REDACTED}
        assert redactor.clean_value({"outer": [{key: value}]}) == {"outer": [{key: REDACTED}]}


def test_values_under_other_keys_are_unchanged(redactor: Redactor) -> None:
    shown = {"request": "r", "everybody": 3, "embodied": "none", "payloads": True, "n": None, "f": 1.5}
    assert redactor.clean_value(shown) == shown


class Odd:
    """Something with a secret in its repr."""

    def __str__(self) -> str:
        return f"<Odd {LINK}>"


@pytest.mark.parametrize(
    "value",
    [
        LINK,
        LINK.encode(),
        f"prefix {LINK}",
        [LINK],
        (LINK,),
        {LINK},
        frozenset({LINK}),
        {"a": {"b": [LINK]}},
        Odd(),
        {"a": Odd()},
        Exception(LINK),
        [[[[LINK]]]],
    ],
    ids=lambda value: type(value).__name__,
)
def test_secrets_are_redacted_in_nested_values(redactor: Redactor, value: Any) -> None:
    assert "eyJhbGciOiJIUzI1" not in str(redactor.clean_value(value))


def test_secrets_are_redacted_in_keys(redactor: Redactor) -> None:
    assert "eyJhbGciOiJIUzI1" not in str(redactor.clean_value({"seen": {LINK: 1}}))


# The whole chain


def boom(secret: str) -> None:
    raise ValueError(f"cannot use {secret}")


WAYS: dict[str, Callable[[str], None]] = {
    "in our event": lambda secret: structlog.get_logger().info(f"got {secret}"),
    "in a field of ours": lambda secret: structlog.get_logger().info("got", it=secret),
    "in a list of ours": lambda secret: structlog.get_logger().info("got", them=[secret, {"x": secret}]),
    "in bytes of ours": lambda secret: structlog.get_logger().info("got", raw=secret.encode()),
    "in an argument of ours": lambda secret: structlog.get_logger().info("got %s", secret),
    "in a bound value": lambda secret: structlog.get_logger().bind(it=secret).warning("got"),
    "in a library's message": lambda secret: logging.getLogger("somelib").info(f"got {secret}"),  # noqa: G004, RUF100
    "in a library's arguments": lambda secret: logging.getLogger("somelib").info("got %s and %r", secret, [secret]),
    "in a library's named arguments": lambda secret: logging.getLogger("somelib").info("got %(it)s", {"it": secret}),
    "in a library's bytes": lambda secret: logging.getLogger("somelib").info("got %s", secret.encode()),
    "in a library's extra": lambda secret: logging.getLogger("somelib").info("got", extra={"it": secret}),
    "in a library that is not text": lambda secret: logging.getLogger("somelib").info(Exception(secret)),
    "in the root logger": lambda secret: logging.getLogger().error("got %s", secret),
}


@pytest.mark.parametrize("secret", SECRETS, ids=["link", "response_url", "token", "signing secret"])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_chain_redacts_secrets(stream: io.StringIO, way: Callable[[str], None], secret: str) -> None:
    way(secret)
    assert lines(stream)
    assert secret[-10:] not in stream.getvalue()


@pytest.mark.parametrize("secret", SECRETS, ids=["link", "response_url", "token", "signing secret"])
@pytest.mark.parametrize("logger", ["ours", "a library's"])
@pytest.mark.parametrize("chained", [False, True])
def test_chain_redacts_secrets_in_a_traceback(
    stream: io.StringIO, secret: str, logger: str, *, chained: bool
) -> None:
    try:
        try:
            boom(secret)
        except ValueError as error:
            if not chained:
                raise
            raise RuntimeError("another") from error
    except (ValueError, RuntimeError):
        if logger == "ours":
            structlog.get_logger().exception("failed")
        else:
            logging.getLogger("somelib").exception("failed")
    assert "ValueError" in stream.getvalue()
    assert "boom" in stream.getvalue()
    assert secret[-10:] not in stream.getvalue()


def test_chain_redacts_secrets_in_a_stack(stream: io.StringIO) -> None:
    def log(_url: str) -> None:
        logging.getLogger("somelib").warning("where", stack_info=True)

    log("https://d-1.studio.eu-west-1.sagemaker.aws/auth?token=in-a-line-of-source")
    assert "in test_chain_redacts_secrets_in_a_stack" in stream.getvalue()
    assert "log(" in stream.getvalue()
    assert "in-a-line-of-source" not in stream.getvalue()


def test_uncaught_exception_goes_through_the_chain(stream: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    thread = threading.Thread(target=boom, args=(LINK,))
    thread.start()
    thread.join(timeout=10)
    try:
        boom(HOOK)
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""
    assert stream.getvalue().count("crashed") == 2
    assert not any(secret[-10:] in stream.getvalue() for secret in SECRETS)


def test_keyboard_interrupt_is_not_logged_as_a_crash(stream: io.StringIO) -> None:
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert stream.getvalue() == ""


def test_link_object_is_logged_without_its_url(stream: io.StringIO) -> None:
    link = Link(LINK, NOON, 60, 43200)
    structlog.get_logger().info("minted", link=link)
    logging.getLogger("somelib").info("minted %r", link)
    assert "eyJhbGciOiJIUzI1" not in stream.getvalue()


def test_our_lines_have_name_level_and_time(stream: io.StringIO) -> None:
    structlog.get_logger("bot.links.sign_in").warning("replay_refused", request="r-1")
    [line] = lines(stream)
    for part in ("replay_refused", "r-1", "warning", "bot.links.sign_in"):
        assert part in line


def test_json_is_one_object_per_line(stream: io.StringIO, request: pytest.FixtureRequest) -> None:
    structlog.get_logger("bot.test").info("one", n=1, at=NOON, text="a\nb")
    logging.getLogger("somelib").warning("two %d", 2)
    if request.node.callspec.params["stream"] == "json":
        ours, theirs = (json.loads(line) for line in lines(stream))
        assert (ours["event"], ours["n"], ours["level"], ours["text"]) == ("one", 1, "info", "a\nb")
        assert ours["timestamp"].endswith("Z")
        assert (theirs["event"], theirs["logger"], theirs["level"]) == ("two 2", "somelib", "warning")


@pytest.mark.parametrize(("name", "floor"), FLOORS.items())
@pytest.mark.parametrize("child", ["", ".child", ".web.base_client"])
def test_libraries_log_only_from_their_floor(stream: io.StringIO, name: str, floor: int, child: str) -> None:
    logger = logging.getLogger(name + child)
    level = logger.level
    logger.setLevel(logging.DEBUG)  # as slack_bolt does for its own
    try:
        logger.log(floor - 10, "below %s", LINK)
        assert lines(stream) == []
        logger.log(floor, "at %s", LINK)
        assert len(lines(stream)) == 1
        assert "eyJhbGciOiJIUzI1" not in stream.getvalue()
    finally:
        logger.setLevel(level)


def test_configured_level_applies(redactor: Redactor, monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> None:
    assert stream.getvalue() == ""
    monkeypatch.setattr(logs, "redactor", redactor)
    quiet = io.StringIO()
    logs.configure(level="WARNING", style="json", stream=quiet)
    structlog.get_logger().info("quiet")
    logging.getLogger("somelib").info("quiet")
    structlog.get_logger().warning("loud")
    logging.getLogger("somelib").warning("loud")
    assert len(quiet.getvalue().splitlines()) == 2


def test_unwritable_log_prints_nothing_unredacted(
    redactor: Redactor, monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError("no space left on device")

    assert stream.getvalue() == ""
    monkeypatch.setattr(logs, "redactor", redactor)
    logs.configure(level="DEBUG", style="json", stream=Broken())
    logging.getLogger("somelib").error("got %s", LINK)
    structlog.get_logger().error("got", it=LINK)
    captured = capsys.readouterr()
    assert "eyJhbGciOiJIUzI1" not in captured.out + captured.err


def test_message_that_does_not_fit_its_arguments_is_harmless(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (LINK,)
    logging.getLogger("somelib").info("%d and %d", *arguments)
    logging.getLogger("somelib").info("still here")
    assert "still here" in stream.getvalue()
    captured = capsys.readouterr()
    assert "eyJhbGciOiJIUzI1" not in stream.getvalue() + captured.out + captured.err
