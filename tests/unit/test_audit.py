"""Audit entries of link requests."""

from dataclasses import fields, replace
from datetime import timedelta

import pytest

from bot.core import audit
from bot.core.link import Answer, Choice, Denied, Issued, Link, Option, Reason, Source, Target
from bot.core.records import Actor
from tests.fakes import ANA, NOON, TEAM, a_mapping, a_request, an_allowed

URL = "https://d-research.studio.eu-west-1.sagemaker.aws/auth?token=s3cr3t"
LINK = Link(URL, NOON + timedelta(seconds=60), 60, 43200, "aws-1")
REQUEST = a_request(target=Target("sandbox"), source=Source.BUTTON)
ISSUED = Issued(REQUEST, an_allowed(a_mapping("sandbox")), LINK)
OPTIONS = tuple(Option(Target(alias), "ana", "d-research") for alias in ("one", "two", "three"))
CHOICE = Choice(REQUEST, OPTIONS)


def test_entry_has_requester_source_and_target() -> None:
    entry = audit.requested(REQUEST)
    assert (entry.id, entry.attempt, entry.at) == ("request-1", "attempt-1", NOON)
    assert (entry.tenant, entry.subject, entry.actor) == (TEAM, ANA.user_id, ANA.user_id)
    assert (entry.source, entry.action, entry.outcome, entry.alias) == (Source.BUTTON, "link", "requested", "sandbox")


@pytest.mark.parametrize(("delivered", "outcome"), [(True, "issued"), (False, "undelivered")])
def test_issued_link_is_recorded_with_its_rule_and_hash(*, delivered: bool, outcome: str) -> None:
    entry = audit.ended(REQUEST, ISSUED, delivered=delivered)
    assert entry.outcome == outcome
    assert (entry.alias, entry.domain_id, entry.profile_name) == ("sandbox", "d-research", "ana")
    assert entry.rule == "allow U0ANA00001 set by cli:test"
    assert (entry.link_sha256, entry.expires_at, entry.aws_request_id) == (LINK.sha256, LINK.expires_at, "aws-1")


@pytest.mark.parametrize("reason", Reason)
def test_refusal_is_recorded_under_its_reason(reason: Reason) -> None:
    answer = Denied(reason, "because", a_mapping("other"), aws_request_id="aws-2")
    entry = audit.ended(REQUEST, answer, delivered=True)
    assert (entry.outcome, entry.detail, entry.aws_request_id) == (reason.value, "because", "aws-2")
    assert (entry.alias, entry.domain_id, entry.profile_name) == ("other", "d-research", "ana")
    assert entry.link_sha256 is None


@pytest.mark.parametrize(
    ("role", "call", "session"),
    [
        ("arn:aws:iam::123456789012:role/broker", "aws-2", f"slack-{ANA.tenant}-{ANA.user_id}"),
        ("arn:aws:iam::123456789012:role/broker", None, None),
        (None, "aws-2", None),
    ],
    ids=["a role called AWS", "no call to AWS", "the bot called AWS"],
)
def test_aws_session_is_recorded(role: str | None, call: str | None, session: str | None) -> None:
    mapping = replace(a_mapping("other"), role_arn=role)
    answer = Denied(Reason.AWS_REFUSED, "because", mapping, aws_request_id=call)
    assert audit.ended(REQUEST, answer, delivered=True).aws_session == session


def test_refusal_without_a_mapping_keeps_the_target() -> None:
    entry = audit.ended(REQUEST, Denied(Reason.UNKNOWN_ALIAS, "no mapping"), delivered=True)
    assert (entry.alias, entry.domain_id, entry.profile_name) == ("sandbox", None, None)


def test_undelivered_refusal_is_recorded_as_undelivered() -> None:
    entry = audit.ended(REQUEST, Denied(Reason.DENIED, "because"), delivered=False)
    assert entry.outcome == "denied"
    assert entry.detail == "because (the answer did not reach the member)"


def test_choice_is_recorded_without_a_link_but_with_its_target() -> None:
    entry = audit.ended(REQUEST, CHOICE, delivered=True)
    assert (entry.outcome, entry.detail) == ("choose", "3 to choose from")
    assert (entry.alias, entry.domain_id, entry.profile_name) == ("sandbox", None, None)
    assert (entry.link_sha256, entry.expires_at, entry.rule) == (None, None, None)
    assert entry.outcome not in audit.MAY_BE_OPENED


def test_undelivered_choice_is_recorded_as_undelivered() -> None:
    entry = audit.ended(REQUEST, CHOICE, delivered=False)
    assert entry.outcome == "choose"
    assert "did not reach the member" in (entry.detail or "")


@pytest.mark.parametrize("space", [None, "lab"])
@pytest.mark.parametrize("landing", [None, "app:JupyterLab:"])
def test_issued_link_is_recorded_with_space_and_landing_page(space: str | None, landing: str | None) -> None:
    mapping = a_mapping("sandbox", space_name=space, landing_uri=landing)
    for answer in (Issued(REQUEST, an_allowed(mapping), LINK), Denied(Reason.SPACE_MISSING, mapping=mapping)):
        entry = audit.ended(REQUEST, answer, delivered=True)
        assert (entry.space_name, entry.landing_uri) == (space, landing)


@pytest.mark.parametrize("locale", [None, "de-DE"])
def test_entry_keeps_the_members_language(locale: str | None) -> None:
    answers = (replace(ISSUED, locale=locale), Denied(Reason.DENIED, locale=locale), replace(CHOICE, locale=locale))
    for answer in answers:
        assert audit.ended(REQUEST, answer, delivered=True).locale == locale
    assert audit.requested(REQUEST).locale is None


@pytest.mark.parametrize("answer", [ISSUED, Denied(Reason.DENIED), CHOICE], ids=["issued", "denied", "choice"])
@pytest.mark.parametrize("delivered", [True, False])
def test_closing_entry_keeps_id_and_attempt(answer: Answer, *, delivered: bool) -> None:
    begun, ended = audit.requested(REQUEST), audit.ended(REQUEST, answer, delivered=delivered)
    for name in ("id", "attempt", "at", "tenant", "subject", "actor", "source", "action"):
        assert getattr(begun, name) == getattr(ended, name)


def test_entry_never_contains_the_link() -> None:
    entry = audit.ended(REQUEST, ISSUED, delivered=True)
    assert not any("s3cr3t" in str(getattr(entry, field.name)) for field in fields(entry))


def test_rejected_request_is_one_complete_entry() -> None:
    entry = audit.refused(
        audit.LINK,
        Actor("T0OTHER001/U0EVE00001", Source.COMMAND),
        TEAM,
        NOON,
        request_id="x",
        attempt="y",
        outcome="foreign",
        detail="app A0, team T0OTHER001",
    )
    assert (entry.id, entry.attempt, entry.source, entry.at) == ("x", "y", Source.COMMAND, NOON)
    assert (entry.action, entry.outcome, entry.actor) == ("link", "foreign", "T0OTHER001/U0EVE00001")
    assert replace(entry, detail=None).detail is None
