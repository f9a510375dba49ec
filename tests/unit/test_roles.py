"""Role sessions: one per member and profile, cached until shortly before they end."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from bot.aws.role_sessions import SESSION_SECONDS, SPARE, Roles, Session, SessionKey, borrowing_session, use_session
from tests.fakes import NOON, Clock

ANA_KEY = SessionKey("arn:aws:iam::123456789012:role/broker", "slack-T0STUDIO01-U0ANA00001", '{"ana": 1}')


class Sts:
    """An STS that records its calls; `before` runs within each call."""

    def __init__(self, clock: Clock, before: Callable[[], object] = lambda: None) -> None:
        self.calls: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.ahead = timedelta()
        self._clock, self._before = clock, before
        self._lock = threading.Lock()

    def assume_role(self, **parameters: Any) -> dict[str, Any]:
        with self._lock:
            self.calls.append(parameters)
            number = len(self.calls)
        self._before()
        if self.error is not None:
            raise self.error
        expiration = self._clock.now() + self.ahead + timedelta(seconds=parameters["DurationSeconds"])
        credentials = {
            "AccessKeyId": f"key{number}",
            "SecretAccessKey": f"secret{number}",
            "SessionToken": f"token{number}",
            "Expiration": expiration,
        }
        return {"Credentials": credentials}


def denied() -> ClientError:
    return ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "AssumeRole")


def roles(sts: Sts, clock: Clock, **options: Any) -> Roles:
    return Roles(lambda: cast(Any, sts), now=clock.now, **options)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sts(clock: Clock) -> Sts:
    return Sts(clock)


def test_session_is_reused(sts: Sts, clock: Clock) -> None:
    kept = roles(sts, clock)
    first, was_kept = kept.session(ANA_KEY)
    second, was_kept_then = kept.session(ANA_KEY)
    assert (first, was_kept, was_kept_then) == (second, False, True)
    assert len(sts.calls) == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(ANA_KEY, who="slack-T0STUDIO01-U0BEN00001"),
        replace(ANA_KEY, role_arn="arn:aws:iam::123456789012:role/other"),
        replace(ANA_KEY, policy='{"ben": 1}'),
    ],
    ids=["member", "role", "policy"],
)
def test_sessions_are_separate_per_key(sts: Sts, clock: Clock, other: SessionKey) -> None:
    kept = roles(sts, clock)
    assert kept.session(ANA_KEY)[0].token != kept.session(other)[0].token


@pytest.mark.parametrize(
    ("before_its_end", "calls"), [(SPARE + timedelta(seconds=1), 1), (SPARE - timedelta(seconds=1), 2)]
)
def test_session_is_not_used_within_two_minutes_of_its_end(
    sts: Sts, clock: Clock, before_its_end: timedelta, calls: int
) -> None:
    kept = roles(sts, clock)
    session, _ = kept.session(ANA_KEY)
    clock.advance((session.expires_at - NOON - before_its_end).total_seconds())
    kept.session(ANA_KEY)
    assert len(sts.calls) == calls
    assert timedelta(seconds=120) <= SPARE


def test_session_ends_by_our_clock_at_the_latest(sts: Sts, clock: Clock) -> None:
    sts.ahead = timedelta(hours=3)  # its clock is, or ours is slow
    session, _ = roles(sts, clock).session(ANA_KEY)
    assert session.expires_at == NOON + timedelta(seconds=SESSION_SECONDS)


def test_sts_refusal_is_not_cached(sts: Sts, clock: Clock) -> None:
    kept = roles(sts, clock)
    sts.error = denied()
    for _ in range(2):
        with pytest.raises(ClientError):
            kept.session(ANA_KEY)
    sts.error = None
    assert kept.session(ANA_KEY)[1] is False
    assert len(sts.calls) == 3


def test_forgotten_session_is_assumed_again(sts: Sts, clock: Clock) -> None:
    kept = roles(sts, clock)
    first, _ = kept.session(ANA_KEY)
    kept.forget(ANA_KEY)
    assert kept.session(ANA_KEY)[0].token != first.token


def test_cache_evicts_the_least_recently_used_session(sts: Sts, clock: Clock) -> None:
    kept = roles(sts, clock, most=2)
    ben, cleo = replace(ANA_KEY, who="ben"), replace(ANA_KEY, who="cleo")
    for wanted in (ANA_KEY, ben, ANA_KEY, cleo):
        kept.session(wanted)
    assert [kept.session(wanted)[1] for wanted in (ANA_KEY, cleo)] == [True, True]
    assert kept.session(ben)[1] is False


def test_concurrent_callers_share_one_call(clock: Clock) -> None:
    begun, go_on, arrived = threading.Event(), threading.Event(), threading.Barrier(9)

    def wait() -> None:
        begun.set()
        go_on.wait(10)

    sts = Sts(clock, before=wait)
    kept = roles(sts, clock)

    def ask() -> Session:
        arrived.wait(10)
        return kept.session(ANA_KEY)[0]

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(ask) for _ in range(8)]
        arrived.wait(10)
        assert begun.wait(10)
        go_on.set()
        tokens = {future.result(10).token for future in futures}
    assert (tokens, len(sts.calls)) == ({"token1"}, 1)


def test_concurrent_callers_share_a_failure(clock: Clock) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        go_on.wait(10)

    sts = Sts(clock, before=wait)
    sts.error = denied()
    kept = roles(sts, clock)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(kept.session, ANA_KEY)
        assert begun.wait(10)
        second = pool.submit(kept.session, ANA_KEY)
        go_on.set()
        assert isinstance(first.exception(10), ClientError)
        assert isinstance(second.exception(10), ClientError)


def test_external_id_is_sent_if_set(sts: Sts, clock: Clock) -> None:
    roles(sts, clock, external_id="studio-links-prod").session(ANA_KEY)
    roles(sts, clock).session(ANA_KEY)
    assert [calls.get("ExternalId") for calls in sts.calls] == ["studio-links-prod", None]


def test_session_repr_hides_its_secrets(sts: Sts, clock: Clock) -> None:
    session, _ = roles(sts, clock).session(ANA_KEY)
    assert not {"key1", "secret1", "token1"} & set(repr(session).replace("'", " ").split())
    assert "secret1" not in f"{session} {session!r}"


# Clients that sign with the current session


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Return a role client in a process that has its own credentials."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "the-bots-own")
        session = boto3.Session(botocore_session=borrowing_session())
        yield session.client("sts", region_name="eu-west-1", endpoint_url="http://127.0.0.1:9")


def signer(client: Any) -> str:
    """Return the access key that signs a call."""
    seen: list[str] = []

    def stop(request: Any, **_: object) -> Any:
        seen.append(request.headers["Authorization"].decode())
        raise InterruptedError

    client.meta.events.register("before-send", stop, unique_id="stop")
    with pytest.raises(InterruptedError):
        client.get_caller_identity()
    client.meta.events.unregister("before-send", unique_id="stop")
    return seen[0].partition("Credential=")[2].partition("/")[0]


def a_session(key: str) -> Session:
    return Session(key, "secret", "token", NOON)


def test_call_is_signed_with_the_current_session(client: Any) -> None:
    with use_session(a_session("ana")):
        assert signer(client) == "ana"
        with use_session(a_session("ben")):
            assert signer(client) == "ben"
        assert signer(client) == "ana"


def test_call_without_a_session_ignores_process_credentials(client: Any) -> None:
    with use_session(a_session("ana")), ThreadPoolExecutor(1) as elsewhere:
        assert isinstance(elsewhere.submit(client.get_caller_identity).exception(10), NoCredentialsError)
    with pytest.raises(NoCredentialsError):
        client.get_caller_identity()


def test_concurrent_members_sign_with_their_own_session(client: Any) -> None:
    together = threading.Barrier(8)
    signed: dict[str, str] = {}

    def note(request: Any, **_: object) -> Any:
        together.wait(10)
        key = request.headers["Authorization"].decode().partition("Credential=")[2].partition("/")[0]
        signed[threading.current_thread().name] = key
        raise InterruptedError

    client.meta.events.register_first("before-send", note, unique_id="note")

    def call(number: int) -> tuple[str, str]:
        with use_session(a_session(f"member{number}")), pytest.raises(InterruptedError):
            client.get_caller_identity()
        return threading.current_thread().name, f"member{number}"

    with ThreadPoolExecutor(8) as pool:
        assert dict(pool.map(call, range(8))) == signed
    client.meta.events.unregister("before-send", unique_id="note")
