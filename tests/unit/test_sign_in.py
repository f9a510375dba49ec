"""A link request, from its arrival to its last audit entry."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

import pytest
from structlog.testing import capture_logs

from bot.core import policy
from bot.core.access import Effect, Grant, Person, Workspace
from bot.core.errors import AlreadyRecorded, SlackError, StoreError, StudioError, UpstreamError
from bot.core.link import Answer, Choice, Denied, Issued, LinkRequest, Option, Reason, StudioApp, Target
from bot.core.records import Entry
from bot.links.sign_in import ACT_TIMEOUT, FRESH_FOR, GATHER_TIMEOUT, RECHECK_TIMEOUT, SignIn
from bot.slack.members.views import PASSING
from tests.fakes import (
    ANA,
    BEN,
    NOON,
    TEAM,
    AtOnce,
    Clock,
    FakeAccess,
    FakeAudit,
    FakeChoices,
    FakeDirectory,
    FakeIntake,
    FakeStudio,
    NeverReady,
    a_gatherer,
    a_grant,
    a_mapping,
    a_request,
    an_entry,
)

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class World:
    """The use case's collaborators; Ana is mapped and allowed."""

    clock: Clock = field(default_factory=Clock)
    audit: FakeAudit = field(default_factory=FakeAudit)
    access: FakeAccess = field(default_factory=FakeAccess)
    intake: FakeIntake = field(init=False)
    directory: FakeDirectory = field(default_factory=lambda: FakeDirectory(Person(ANA.user_id, TEAM)))
    studio: FakeStudio = field(default_factory=FakeStudio)
    choices: FakeChoices = field(default_factory=FakeChoices)
    side: Executor = field(default_factory=AtOnce)
    rules: policy.Rules = field(default_factory=policy.Rules)
    delivery: Callable[[Answer], bool] = lambda _answer: True
    delivered: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.intake = FakeIntake(self.audit)
        self.access.give(ANA, a_mapping(), a_grant())
        self.studio.add("d-research", "ana")

    def use_case(self) -> SignIn:
        return SignIn(
            facts=a_gatherer(self.access, self.directory, self.side, self.clock.monotonic),
            audit=self.audit,
            intake=self.intake,
            studio=self.studio,
            choices=self.choices,
            rules=self.rules,
            now=self.clock.now,
        )

    def deliver(self, answer: Answer) -> bool:
        self.delivered.append(answer)
        return self.delivery(answer)

    def ask(self, request: LinkRequest | None = None) -> Entry | None:
        return self.use_case().answer(request or a_request(), self.deliver)

    def refusal(self, request: LinkRequest | None = None) -> Denied:
        """Return the refusal; check that it is recorded and that no link was made."""
        entry = self.ask(request)
        [answer] = self.delivered
        assert isinstance(answer, Denied)
        assert entry is not None
        assert entry.outcome == answer.reason
        assert self.studio.links == {}
        assert list(self.audit.entries.values()) == [entry]
        return answer

    def choice(self, request: LinkRequest | None = None) -> Choice:
        """Return the choice; check that it is recorded and that no link was made."""
        entry = self.ask(request)
        [answer] = self.delivered
        assert isinstance(answer, Choice)
        assert entry is not None
        assert (entry.outcome, entry.link_sha256) == ("choose", None)
        assert self.studio.links == {}
        assert list(self.audit.entries.values()) == [entry]
        assert answer.options
        return answer


@pytest.fixture
def world() -> World:
    return World()


def fail(_answer: Answer) -> bool:
    raise RuntimeError("a defect in the reply")


def upstream(kind: type[UpstreamError], reason: Reason, **more: Any) -> Any:
    return kind("it failed: try again", reason=reason, **more)


def test_allowed_member_gets_a_link_and_an_audit_entry(world: World) -> None:
    entry = world.ask()

    [answer] = world.delivered
    assert isinstance(answer, Issued)
    assert list(world.studio.links) == [answer.link.url]
    assert entry is not None
    assert world.audit.entries == {"request-1": entry}
    assert (entry.outcome, entry.profile_name, entry.domain_id) == ("issued", "ana", "d-research")
    assert (entry.link_sha256, entry.expires_at) == (answer.link.sha256, NOON + timedelta(seconds=60))


def test_request_is_recorded_before_the_link_is_made(world: World) -> None:
    seen: list[tuple[str, list[str]]] = []
    world.side = AtOnce(lambda job: seen.append((job, [e.outcome for e in world.audit.entries.values()])))
    world.ask()
    assert seen[-1] == ("sign_in", ["requested"])
    assert [job for job, _ in seen].count("sign_in") == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda world: world.access.give(ANA, a_grant(effect=Effect.DENY)), Reason.DENIED),
        (lambda world: world.access.give(ANA, a_grant(until=NOON)), Reason.GRANT_EXPIRED),
        (lambda world: world.directory.people.clear(), Reason.NOT_A_MEMBER),
        (
            lambda world: world.directory.people.update({ANA.user_id: Person(ANA.user_id, TEAM, guest=True)}),
            Reason.GUEST,
        ),
        (lambda world: world.intake.fill(ANA, NOON, 5), Reason.TOO_MANY),
        (lambda world: world.clock.advance(10**9), None),
    ],
)
def test_policy_decides(world: World, change: Callable[[World], object], reason: Reason | None) -> None:
    change(world)
    if reason is None:
        world.ask()
        assert isinstance(world.delivered[0], Issued)
    else:
        assert world.refusal().reason is reason


def further(number: int, **more: Any) -> LinkRequest:
    return replace(a_request(), id=f"further-{number}", **more)


@pytest.mark.public(26)
@pytest.mark.parametrize("target", [Target(), Target("typo"), Target("sandbox", space="")])
def test_choosers_and_typos_do_not_count_as_links(world: World, target: Target) -> None:
    world.access.give(ANA, a_mapping("sandbox", "ana-sandbox"))
    world.studio.add("d-research", "ana-sandbox")
    for number in range(10):
        world.ask(further(number, target=target))
    outcomes = {entry.outcome for entry in world.audit.entries.values()}
    assert outcomes <= {"choose", "unknown_alias"}

    for number in range(10, 16):
        world.ask(further(number, target=Target("sandbox")))
    assert [isinstance(answer, Issued) for answer in world.delivered[10:]] == [True] * 5 + [False]


@pytest.mark.public(26)
def test_limit_says_when_it_ends(world: World) -> None:
    world.clock.advance(17.5)
    world.intake.fill(ANA, NOON, 5)
    assert world.refusal(replace(a_request(), at=world.clock.now())).retry_at == NOON + timedelta(minutes=1)


@pytest.mark.public(26)
@pytest.mark.parametrize("delivered", [True, False])
def test_link_counts_even_if_it_did_not_arrive(world: World, *, delivered: bool) -> None:
    world.delivery = lambda _: delivered
    for number in range(6):
        world.ask(further(number))
    assert [isinstance(answer, Issued) for answer in world.delivered] == [True] * 5 + [False]


@pytest.mark.parametrize("reason", [Reason.TOO_MANY, Reason.NOT_RECORDED])
def test_uncounted_request_releases_nothing(world: World, reason: Reason) -> None:
    world.intake.fill(ANA, NOON, 5)
    if reason is Reason.NOT_RECORDED:
        world.intake.error = upstream(StoreError, Reason.STORE_UNREACHABLE)
    assert world.refusal().reason is reason
    assert set(world.intake.counts.values()) == {5}


@pytest.mark.public(26)
def test_failure_beyond_the_limit_frees_no_link(world: World) -> None:
    world.intake.fill(ANA, NOON, 5)
    world.directory.error = upstream(SlackError, Reason.SLACK_UNREACHABLE)
    assert world.refusal().reason is Reason.TOO_MANY
    assert set(world.intake.counts.values()) == {5}


def test_failed_release_changes_no_outcome(world: World) -> None:
    world.access.give(ANA, a_mapping("sandbox", "ana-sandbox"))
    world.intake.release_error = upstream(StoreError, Reason.STORE_UNREACHABLE)
    with capture_logs() as logs:
        world.choice()
    assert "request_not_released" in [line["event"] for line in logs]


def test_unknown_member_is_not_mapped(world: World) -> None:
    world.directory.people[BEN.user_id] = Person(BEN.user_id, TEAM)
    assert world.refusal(a_request(BEN)).reason is Reason.NOT_MAPPED


def test_grant_that_expires_in_the_queue_does_not_allow(world: World) -> None:
    world.access.give(ANA, a_grant(until=NOON + timedelta(seconds=2)))
    world.clock.advance(2)
    assert world.refusal().reason is Reason.GRANT_EXPIRED


def test_requested_mapping_opens(world: World) -> None:
    world.access.give(ANA, a_mapping("sandbox", "ana-sandbox"))
    world.studio.add("d-research", "ana", "ana-sandbox")
    entry = world.ask(a_request(target=Target("sandbox")))
    assert entry is not None
    assert (entry.alias, entry.profile_name) == ("sandbox", "ana-sandbox")


def test_requested_app_and_space_open(world: World) -> None:
    world.studio.domains["d-research"].spaces["lab-space"] = "ana"
    entry = world.ask(a_request(target=Target(app=StudioApp.LAB, space="lab-space")))
    assert entry is not None
    assert (entry.alias, entry.landing_uri, entry.space_name) == ("default", "app:JupyterLab:", "lab-space")
    [allowed] = world.studio.links.values()
    assert (allowed.mapping.landing_uri, allowed.mapping.space_name) == ("app:JupyterLab:", "lab-space")


@pytest.mark.parametrize(
    ("space", "reason"), [("bens", Reason.SPACE_NOT_YOURS), ("gone", Reason.SPACE_MISSING), ("BENS", None)]
)
def test_space_of_another_profile_gives_no_link(world: World, space: str, reason: Reason | None) -> None:
    world.studio.domains["d-research"].spaces["bens"] = "ben"
    expected = reason or Reason.SPACE_MISSING
    assert world.refusal(a_request(target=Target(space=space))).reason is expected


# Choices


@pytest.fixture
def several(world: World) -> World:
    """Give Ana three mappings in two domains, with unsorted names."""
    world.access.give(ANA, a_mapping("sandbox", "ana-sandbox"), a_mapping("analysis", domain="d-second"))
    world.studio.add("d-research", "ana", "ana-sandbox")
    world.studio.add("d-second", "ana")
    return world


ONE_EACH = (
    Option(Target("analysis"), "ana", "d-second"),
    Option(Target("default"), "ana", "d-research"),
    Option(Target("sandbox"), "ana-sandbox", "d-research"),
)


def targets(choice: Choice) -> list[str]:
    return [str(option.target) for option in choice.options]


def test_several_profiles_are_offered_in_order(several: World) -> None:
    choice = several.choice()
    assert choice.options == ONE_EACH
    assert not choice.remembered
    assert choice.request == a_request()


def test_offered_choices_can_be_opened(several: World) -> None:
    several.studio.domains["d-second"].spaces["lab"] = None
    for number, option in enumerate(several.choice().options):
        several.delivered.clear()
        several.ask(a_request(id=f"next-{number}", target=option.target))
        assert isinstance(several.delivered[0], Issued)
        opened = several.delivered[0].allowed.mapping
        assert (opened.profile_name, opened.domain_id) == (option.profile_name, option.domain_id)
        assert opened.space_name == option.target.space
        several.studio.links.clear()


def a_space_of_default() -> LinkRequest:
    return a_request(target=Target("default", space=""))


def test_profile_is_offered_with_its_spaces(several: World) -> None:
    several.studio.domains["d-research"].spaces.update({"anas": "Ana", "bens": "ben", "team": None})
    choice = several.choice(a_space_of_default())
    assert targets(choice) == ["default", "default space anas", "default space team"]


@pytest.mark.parametrize(("space", "words"), [(None, ""), ("", " space")], ids=["none", "unnamed"])
def test_spaces_are_listed_only_for_a_chosen_profile(several: World, space: str | None, words: str) -> None:
    several.studio.domains["d-research"].spaces["team"] = None
    several.studio.listing_error = RuntimeError("nobody is to ask")
    choice = several.choice(a_request(target=Target(space=space)))
    assert targets(choice) == [f"{alias}{words}" for alias in ("analysis", "default", "sandbox")]


def test_requested_app_is_in_every_choice(several: World) -> None:
    choice = several.choice(a_request(target=Target(app=StudioApp.CODE)))
    assert targets(choice) == ["analysis code", "default code", "sandbox code"]


def test_requested_space_is_in_every_choice(several: World) -> None:
    for domain in several.studio.domains.values():
        domain.spaces.update({"team": None, "other": None})
    choice = several.choice(a_request(target=Target(space="team")))
    assert targets(choice) == ["analysis space team", "default space team", "sandbox space team"]


@pytest.mark.parametrize("target", [Target("default", space=""), Target("default", StudioApp.LAB, "")], ids=str)
def test_unnamed_space_offers_those_of_the_named_profile(several: World, target: Target) -> None:
    for domain in several.studio.domains.values():
        domain.spaces.update({"team": None, "bens": "ben"})
    app = " lab" if target.app else ""
    assert targets(several.choice(a_request(target=target))) == [f"default{app}", f"default{app} space team"]


def test_single_profile_asks_only_for_a_space(world: World) -> None:
    world.studio.domains["d-research"].spaces.update({"anas": "ana", "team": None})
    choice = world.choice(a_request(target=Target(space="")))
    assert targets(choice) == ["default", "default space anas", "default space team"]


def test_last_opened_profile_comes_first(several: World) -> None:
    several.choices.last[ANA] = "sandbox"
    choice = several.choice()
    assert targets(choice) == ["sandbox", "analysis", "default"]
    assert choice.remembered


@pytest.mark.parametrize("last", ["gone", ""])
def test_removed_mapping_is_not_remembered(several: World, last: str) -> None:
    several.choices.last[ANA] = last
    choice = several.choice()
    assert choice.options == ONE_EACH
    assert not choice.remembered


def test_choices_of_other_members_do_not_count(several: World) -> None:
    several.choices.last[BEN] = "sandbox"
    assert not several.choice().remembered


def test_unavailable_choice_is_not_marked_as_last(several: World) -> None:
    several.choices.last[ANA] = "sandbox"
    choice = several.choice(a_request(target=Target("default", space="")))
    assert not choice.remembered
    assert targets(choice) == ["default"]


def test_choice_is_in_the_members_language(several: World) -> None:
    several.directory.people[ANA.user_id] = Person(ANA.user_id, TEAM, locale="de-DE")
    assert several.choice().locale == "de-DE"


@pytest.mark.parametrize(
    "records",
    [(a_grant(until=NOON),), (a_grant(effect=Effect.DENY),)],
    ids=["ended", "denied"],
)
def test_refused_member_gets_no_choice_and_no_listing(several: World, records: Any) -> None:
    several.access.give(ANA, *records)
    jobs: list[str] = []
    several.side = AtOnce(jobs.append)
    several.refusal()
    assert "spaces" not in jobs
    assert "recall" not in jobs


def test_named_target_needs_no_listing(several: World) -> None:
    jobs: list[str] = []
    several.side = AtOnce(jobs.append)
    several.ask(a_request(target=Target("sandbox")))
    assert isinstance(several.delivered[0], Issued)
    assert "spaces" not in jobs
    assert "recall" not in jobs


def test_unknown_alias_offers_only_the_members_own(several: World) -> None:
    several.access.give(BEN, a_mapping("bens", "ben"))
    answer = several.refusal(a_request(target=Target("bens")))
    assert answer.reason is Reason.UNKNOWN_ALIAS
    assert answer.aliases == ("analysis", "default", "sandbox")


LISTING_REASONS = [Reason.AWS_REFUSED, Reason.AWS_THROTTLED, Reason.AWS_UNREACHABLE, Reason.AWS_UNEXPECTED]


@pytest.mark.parametrize("reason", LISTING_REASONS)
def test_failed_space_listing_still_offers_profiles(several: World, reason: Reason) -> None:
    several.studio.domains["d-research"].spaces["team"] = None
    several.studio.listing_error = upstream(StudioError, reason)
    with capture_logs() as logs:
        choice = several.choice(a_space_of_default())
    assert targets(choice) == ["default"]
    assert [line["event"] for line in logs] == ["choice_incomplete"]


def test_slow_space_listing_still_offers_profiles(several: World) -> None:
    several.studio.domains["d-research"].spaces["team"] = None
    several.side = side = NeverReady("spaces")
    assert targets(several.choice(a_space_of_default())) == ["default"]
    assert side.waits == [GATHER_TIMEOUT]
    assert all(future.cancelled() for future in side.futures)


@pytest.mark.parametrize("reason", [Reason.STORE_UNREACHABLE, Reason.STORE_THROTTLED, Reason.STORE_UNREADABLE])
def test_failed_recall_keeps_the_order(several: World, reason: Reason) -> None:
    several.choices.last[ANA] = "sandbox"
    several.choices.error = upstream(StoreError, reason)
    choice = several.choice()
    assert choice.options == ONE_EACH
    assert not choice.remembered


def test_slow_recall_keeps_the_order(several: World) -> None:
    several.choices.last[ANA] = "sandbox"
    several.side = side = NeverReady("recall")
    choice = several.choice()
    assert choice.options == ONE_EACH
    assert not choice.remembered
    assert side.waits == [GATHER_TIMEOUT]


def test_choice_is_offered_at_the_deadline_without_details(several: World) -> None:
    several.side = side = NeverReady("recall", "spaces")
    several.clock.advance(GATHER_TIMEOUT + 1)
    several.access.give(ANA, a_grant())
    assert targets(several.choice(a_space_of_default())) == ["default"]
    assert side.waits == [0.0] * 2


def test_defect_in_a_listing_gives_no_link_and_is_recorded(several: World) -> None:
    several.studio.listing_error = RuntimeError("a defect")
    with capture_logs() as logs:
        assert several.refusal(a_space_of_default()).reason is Reason.INTERNAL
    assert [line["event"] for line in logs] == ["request_failed"]


@pytest.mark.parametrize("delivery", [lambda _answer: False, fail], ids=["refused", "raised"])
def test_undelivered_choice_is_recorded_as_undelivered(several: World, delivery: Callable[[Answer], bool]) -> None:
    several.delivery = delivery
    entry = several.ask()
    assert entry is not None
    assert entry.outcome == "choose"
    assert "did not reach the member" in (entry.detail or "")


def test_replay_of_a_choice_is_a_replay(several: World) -> None:
    several.ask()
    assert several.ask(a_request(attempt="attempt-2")) is None
    assert len(several.delivered) == 1


# Remembered choices


def test_opened_profile_of_several_is_remembered(several: World) -> None:
    several.ask(a_request(target=Target("sandbox")))
    assert several.choices.last == {ANA: "sandbox"}
    several.ask(a_request(id="request-2", target=Target("analysis", StudioApp.LAB)))
    assert several.choices.last == {ANA: "analysis"}


@pytest.mark.parametrize("target", [Target(), Target("default")], ids=["unnamed", "named"])
def test_single_profile_is_not_remembered(world: World, target: Target) -> None:
    world.ask(a_request(target=target))
    assert isinstance(world.delivered[0], Issued)
    assert world.choices.last == {}


@pytest.mark.parametrize("target", [Target(), Target("gone"), Target("sandbox", space="gone")], ids=str)
def test_failed_link_is_not_remembered(several: World, target: Target) -> None:
    several.ask(a_request(target=target))
    assert several.studio.links == {}
    assert several.choices.last == {}


def test_reply_precedes_remembering_the_choice(several: World) -> None:
    seen: list[str | None] = []

    def look(_answer: Answer) -> bool:
        seen.append(several.choices.last.get(ANA))
        return True

    several.delivery = look
    several.ask(a_request(target=Target("sandbox")))
    assert seen == [None]
    assert several.choices.last == {ANA: "sandbox"}


@pytest.mark.parametrize(
    "error",
    [
        upstream(StoreError, Reason.STORE_UNREACHABLE),
        upstream(StoreError, Reason.STORE_REFUSED),
        RuntimeError("a defect"),
    ],
    ids=["unreachable", "refused", "defect"],
)
def test_failing_to_remember_changes_nothing(several: World, error: Exception) -> None:
    several.choices.last[ANA] = "analysis"
    several.choices.error = error
    entry = several.ask(a_request(target=Target("sandbox")))
    assert entry is not None
    assert isinstance(several.delivered[0], Issued)
    assert (entry.outcome, entry.alias) == ("issued", "sandbox")
    assert several.audit.entries["request-1"] == entry
    assert several.choices.last == {ANA: "analysis"}


# Recording


@pytest.mark.parametrize("reason", [Reason.STORE_UNREACHABLE, Reason.STORE_THROTTLED, Reason.STORE_REFUSED])
def test_unrecorded_request_gives_no_link(world: World, reason: Reason) -> None:
    world.audit.open_error = upstream(StoreError, reason)
    answer = world.refusal()
    assert answer.reason is Reason.NOT_RECORDED
    assert "it failed" in answer.detail


def test_slow_record_gives_no_link(world: World) -> None:
    world.side = side = NeverReady("take")
    assert world.refusal().reason is Reason.NOT_RECORDED
    assert side.waits == [GATHER_TIMEOUT]


def test_unexpected_record_failure_gives_no_link(world: World) -> None:
    world.audit.open_error = RuntimeError("a defect")
    assert world.refusal().reason is Reason.INTERNAL


# Replays


def test_replay_gets_nothing_and_changes_nothing(world: World) -> None:
    first = world.ask()
    world.delivered.clear()
    with capture_logs() as logs:
        assert world.ask(a_request(attempt="attempt-2")) is None
    assert world.delivered == []
    assert len(world.studio.links) == 1
    assert world.audit.entries == {"request-1": first}
    assert [line["event"] for line in logs] == ["replay_refused"]


def test_replay_stays_silent_despite_other_failures(world: World) -> None:
    world.ask()
    world.delivered.clear()
    world.access.error = upstream(StoreError, Reason.STORE_UNREACHABLE)
    world.directory.error = upstream(SlackError, Reason.SLACK_UNREACHABLE)
    assert world.ask(a_request(attempt="attempt-2")) is None
    assert world.delivered == []


def test_replay_of_a_refusal_is_a_replay(world: World) -> None:
    world.access.give(ANA, a_grant(effect=Effect.DENY))
    world.ask()
    assert world.ask(a_request(attempt="attempt-2")) is None
    assert len(world.delivered) == 1


# Failures


@pytest.mark.parametrize(
    "reason", [Reason.STORE_UNREACHABLE, Reason.STORE_THROTTLED, Reason.STORE_REFUSED, Reason.STORE_UNREADABLE]
)
def test_store_failure_gives_no_link(world: World, reason: Reason) -> None:
    world.access.error = upstream(StoreError, reason, code="SomeCode", request_id="aws-7")
    answer = world.refusal()
    assert answer.reason is reason
    assert answer.detail == "it failed: try again [SomeCode]"
    assert answer.aws_request_id == "aws-7"


@pytest.mark.parametrize("reason", [Reason.SLACK_UNREACHABLE, Reason.SLACK_REFUSED])
def test_unconfirmed_membership_gives_no_link(world: World, reason: Reason) -> None:
    world.directory.error = upstream(SlackError, reason)
    answer = world.refusal()
    assert answer.reason is reason
    assert answer.detail == "it failed: try again"


STUDIO_REASONS = [
    Reason.DOMAIN_MISSING,
    Reason.DOMAIN_NOT_READY,
    Reason.DOMAIN_SSO,
    Reason.PROFILE_MISSING,
    Reason.PROFILE_NOT_READY,
    Reason.SPACE_MISSING,
    Reason.SPACE_NOT_YOURS,
    Reason.AWS_REFUSED,
    Reason.AWS_THROTTLED,
    Reason.AWS_UNREACHABLE,
    Reason.AWS_UNEXPECTED,
]


@pytest.mark.parametrize("reason", STUDIO_REASONS)
def test_studio_failure_is_recorded_with_the_mapping(world: World, reason: Reason) -> None:
    world.studio.error = upstream(StudioError, reason, sign_in_address="https://sso.example.com", request_id="aws-9")
    answer = world.refusal()
    assert answer.reason is reason
    assert answer.mapping == a_mapping()
    assert (answer.sign_in_address, answer.aws_request_id) == ("https://sso.example.com", "aws-9")
    assert world.audit.entries["request-1"].profile_name == "ana"


@pytest.mark.parametrize("port", ["access", "intake", "directory", "studio"])
def test_defect_gives_no_link_and_is_recorded(world: World, port: str) -> None:
    getattr(world, port).error = RuntimeError("a defect")
    with capture_logs() as logs:
        assert world.refusal().reason is Reason.INTERNAL
    assert [line["event"] for line in logs] == ["request_failed"]


# The requested target is kept: the retry button names it

EVERYTHING = Target("default", StudioApp.LAB, "lab-space")
BREAKDOWNS: dict[str, Callable[[World], object]] = {
    "the audit fails": lambda w: setattr(w.audit, "open_error", upstream(StoreError, Reason.STORE_UNREACHABLE)),
    "the audit hangs": lambda w: setattr(w, "side", NeverReady("take")),
    "the store fails": lambda w: setattr(w.access, "error", upstream(StoreError, Reason.STORE_UNREACHABLE)),
    "the store hangs": lambda w: setattr(w, "side", NeverReady("read")),
    "Slack fails": lambda w: setattr(w.directory, "error", upstream(SlackError, Reason.SLACK_UNREACHABLE)),
    "AWS fails": lambda w: setattr(w.studio, "error", upstream(StudioError, Reason.AWS_THROTTLED)),
    "AWS hangs": lambda w: setattr(w, "side", NeverReady("sign_in")),
    "too many": lambda w: w.intake.fill(ANA, NOON, 5),
    "a defect": lambda w: setattr(w.studio, "error", RuntimeError("a defect")),
}


@pytest.mark.parametrize("breakdown", BREAKDOWNS.values(), ids=BREAKDOWNS)
def test_temporary_refusal_keeps_the_requested_target(world: World, breakdown: Callable[[World], object]) -> None:
    breakdown(world)
    answer = world.refusal(a_request(target=EVERYTHING))
    assert answer.reason in PASSING
    assert answer.target == EVERYTHING


# Deadlines


@pytest.mark.parametrize("job", ["person", "read"])
def test_slow_facts_give_no_link(world: World, job: str) -> None:
    world.side = side = NeverReady(job)
    assert world.refusal().reason is Reason.TOO_LATE
    assert side.waits == [GATHER_TIMEOUT]


def test_slow_link_is_not_waited_for(world: World) -> None:
    world.side = side = NeverReady("sign_in")
    answer = world.refusal()
    assert answer.reason is Reason.TOO_LATE
    assert answer.mapping == a_mapping()
    assert side.waits == [ACT_TIMEOUT]
    assert all(future.cancelled() for future in side.futures)


class HangsAfterMinting(NeverReady):
    """Works until a link is made slowly; from then on, reads hang."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future = super().submit(fn, *args, **kwargs)
        if getattr(fn, "__name__", "") == "sign_in":
            self._clock.advance(FRESH_FOR + 1)
            self._hanging = ("read",)
        return future


def test_timeout_of_the_second_check_names_what_timed_out(world: World) -> None:
    world.side = side = HangsAfterMinting(world.clock)
    entry = world.ask()
    [answer] = world.delivered
    assert isinstance(answer, Denied)
    assert (answer.reason, answer.mapping) == (Reason.TOO_LATE, a_mapping())
    assert "DynamoDB did not answer in time" in answer.detail
    assert "checked again" in answer.detail
    assert "AWS" not in answer.detail
    assert entry is not None
    assert entry.outcome == "too_late"
    assert side.waits == [pytest.approx(RECHECK_TIMEOUT - FRESH_FOR - 1)]


@pytest.mark.parametrize(("job", "within"), [("read", GATHER_TIMEOUT), ("sign_in", ACT_TIMEOUT)])
@pytest.mark.parametrize("waited", [1, 3, 100])
def test_time_spent_in_the_queue_counts(world: World, job: str, within: float, waited: int) -> None:
    world.side = side = NeverReady(job)
    world.clock.advance(waited)
    world.access.give(ANA, a_grant())
    world.ask()
    assert side.waits == [max(0, within - waited)]


def test_deadlines_leave_time_for_the_reply() -> None:
    assert GATHER_TIMEOUT < ACT_TIMEOUT < 7


# The reply


@pytest.mark.parametrize("delivery", [lambda _answer: False, fail], ids=["refused", "raised"])
def test_link_that_was_not_delivered_is_undelivered(world: World, delivery: Callable[[Answer], bool]) -> None:
    world.delivery = delivery
    entry = world.ask()
    assert entry is not None
    assert entry.outcome == "undelivered"
    assert entry.link_sha256
    assert world.audit.entries["request-1"] == entry


@pytest.mark.parametrize("delivery", [lambda _answer: False, fail], ids=["refused", "raised"])
def test_undelivered_refusal_keeps_its_reason(world: World, delivery: Callable[[Answer], bool]) -> None:
    world.delivery = delivery
    world.access.give(ANA, a_grant(effect=Effect.DENY))
    entry = world.ask()
    assert entry is not None
    assert entry.outcome == "denied"
    assert "did not reach the member" in (entry.detail or "")


def test_member_gets_one_reply(world: World) -> None:
    world.delivery = fail
    world.ask()
    assert len(world.delivered) == 1


@pytest.mark.parametrize(
    "error",
    [
        upstream(StoreError, Reason.STORE_UNREACHABLE),
        AlreadyRecorded("belongs to another attempt"),
        RuntimeError("a defect"),
    ],
)
def test_unrecorded_outcome_is_logged_and_stays_requested(world: World, error: Exception) -> None:
    world.audit.close_error = error
    with capture_logs() as logs:
        entry = world.ask()
    assert entry is not None
    assert entry.outcome == "issued"
    assert world.audit.entries["request-1"].outcome == "requested"
    [line] = logs
    assert (line["event"], line["request"], line["outcome"]) == ("outcome_not_recorded", "request-1", "issued")


def test_no_log_line_holds_the_link(world: World) -> None:
    world.delivery = fail
    world.audit.close_error = upstream(StoreError, Reason.STORE_UNREACHABLE)
    with capture_logs() as logs:
        world.ask()
    assert logs
    assert "token=" not in str(logs)


# User groups

IN_IT, DENIED_GROUP = Grant("S0SCIENCE1", Effect.ALLOW), Grant("S0LEAVERS1", Effect.DENY)


@pytest.fixture
def grouped() -> World:
    """Put Ana, who has no own rule, in an allowed group and not in a denied one."""
    world = World(access=FakeAccess())
    world.access.give(ANA, a_mapping(), a_grant(until=NOON))
    world.access.give_group(TEAM, IN_IT, DENIED_GROUP)
    world.directory.groups = {IN_IT.principal: frozenset({ANA.user_id}), DENIED_GROUP.principal: frozenset()}
    return world


def test_member_allowed_by_a_group_is_audited_with_it(grouped: World) -> None:
    entry = grouped.ask()
    assert entry is not None
    assert entry.outcome == "issued"
    assert entry.rule == f"allow {IN_IT.principal}"
    assert sorted(grouped.directory.groups_asked) == sorted([IN_IT.principal, DENIED_GROUP.principal])


def test_no_group_rules_mean_no_group_look_up(world: World) -> None:
    world.ask()
    assert world.directory.groups_asked == []


def test_unconfirmed_group_refuses_with_its_own_message(grouped: World) -> None:
    grouped.directory.group_error = upstream(SlackError, Reason.SLACK_UNREACHABLE)
    with capture_logs() as logs:
        assert grouped.refusal().reason is Reason.GROUP_UNCONFIRMED
    assert {(line["event"], line["group"], line["effect"]) for line in logs} == {
        ("group_not_confirmed", IN_IT.principal, "allow"),
        ("group_not_confirmed", DENIED_GROUP.principal, "deny"),
    }


def test_slow_group_look_up_ends_at_the_deadline(grouped: World) -> None:
    grouped.side = side = NeverReady("is_in")
    assert grouped.refusal().reason is Reason.GROUP_UNCONFIRMED
    assert side.waits == [GATHER_TIMEOUT] * 2
    assert all(future.cancelled() for future in side.futures)


@pytest.mark.parametrize("gone", ["allowed", "denied"])
def test_unknown_group_never_allows_and_refuses_if_denied(grouped: World, gone: str) -> None:
    del grouped.directory.groups[IN_IT.principal if gone == "allowed" else DENIED_GROUP.principal]
    expected = Reason.GRANT_EXPIRED if gone == "allowed" else Reason.GROUP_UNCONFIRMED
    assert grouped.refusal().reason is expected


@pytest.mark.parametrize("closed", ["allowed", "denied"])
def test_disabled_group_allows_nobody_and_still_denies(grouped: World, closed: str) -> None:
    grouped.directory.groups = dict.fromkeys(grouped.directory.groups, frozenset({ANA.user_id}))
    if closed == "allowed":
        grouped.directory.groups[DENIED_GROUP.principal] = frozenset()
        grouped.directory.disabled = {IN_IT.principal}
    else:
        grouped.directory.disabled = {DENIED_GROUP.principal}
    assert grouped.refusal().reason is (Reason.GRANT_EXPIRED if closed == "allowed" else Reason.DENIED)


@pytest.mark.parametrize("change", ["the group is forgotten", "the member leaves it", "slack is silent", "nothing"])
def test_slow_link_is_checked_again_with_groups(grouped: World, change: str) -> None:
    def take_time(job: str) -> None:
        if job != "sign_in":
            return
        grouped.clock.advance(FRESH_FOR + 1)
        if change == "the group is forgotten":
            grouped.access.workspaces[TEAM] = Workspace()
        elif change == "the member leaves it":
            grouped.directory.groups[IN_IT.principal] = frozenset()
        elif change == "slack is silent":
            grouped.directory.group_error = upstream(SlackError, Reason.SLACK_UNREACHABLE)

    grouped.side = AtOnce(take_time)
    entry = grouped.ask()
    assert entry is not None
    assert entry.outcome == {
        "nothing": "issued",
        "slack is silent": "group_unconfirmed",
    }.get(change, "grant_expired")


# Presses and rejected requests


def test_press_of_own_link_is_recorded(world: World) -> None:
    world.ask()
    world.clock.advance(3)
    entry = world.use_case().opened(ANA, "request-1")
    assert entry is not None
    assert entry.opened_at == NOON + timedelta(seconds=3)
    assert world.use_case().opened(BEN, "request-1") is None


def test_rejected_request_is_recorded(world: World) -> None:
    entry = an_entry("foreign-1", outcome="foreign")
    assert world.use_case().refuse(entry)
    assert world.audit.entries == {"foreign-1": entry}


def test_rejecting_a_request_twice_changes_nothing(world: World) -> None:
    entry = an_entry("foreign-1", outcome="foreign")
    world.use_case().refuse(entry)
    assert not world.use_case().refuse(replace(entry, attempt="another"))
    assert world.audit.entries == {"foreign-1": entry}


@pytest.mark.parametrize("error", [upstream(StoreError, Reason.STORE_UNREACHABLE), RuntimeError("a defect")])
def test_unrecorded_rejection_is_logged(world: World, error: Exception) -> None:
    world.audit.open_error = error
    with capture_logs() as logs:
        assert world.use_case().refuse(an_entry("foreign-1", outcome="foreign"))
    assert [line["event"] for line in logs] == ["refusal_not_recorded"]
