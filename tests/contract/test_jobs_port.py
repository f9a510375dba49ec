"""Contract of JobStore, run on the fake and on the DynamoDB table."""

from dataclasses import replace

import pytest

from bot.core.access import Member
from bot.core.errors import StoreError
from bot.core.jobs import Item, ItemKind, ItemState, Job, JobKind, JobState, JobStore, Workspace
from bot.core.link import Source
from bot.core.records import Actor
from bot.store.audit import AuditTable
from bot.store.erasure import ErasureTable
from bot.store.jobs import JobTable
from bot.store.models import Tables
from tests.fakes import ANA, BEN, NOON, TEAM, a_mapping, race
from tests.fakes_jobs import FakeJobs, a_job, later

OTHER = "2" * 32
FULL = a_job(
    actor=Actor("cli:arn:aws:iam::1:user/x", Source.CLI, "U0BEA00001"),
    workspaces=(Workspace(a_mapping(set_at=NOON, role_arn=None, space_name="lab"), "lab", "ml.t3.medium"),),
    request_id=OTHER,
    until=later(600),
    keep_files=True,
    items=(Item(ItemKind.SPACE, "lab", "d-research", "ana", ItemState.KEPT, "“shared” with <ben>"),),
    why="quota",
    posting="D0ADA/1.2",
)
LEAVING = a_job(id=OTHER, kind=JobKind.OFFBOARD)


@pytest.fixture(params=["fake", "dynamodb"])
def jobs(request: pytest.FixtureRequest) -> JobStore:
    return FakeJobs() if request.param == "fake" else JobTable(request.getfixturevalue("tables"))


@pytest.mark.parametrize("job", [a_job(), FULL])
def test_job_is_kept_whole(jobs: JobStore, job: Job) -> None:
    assert jobs.find(ANA) is None
    assert jobs.open(TEAM) == []
    assert jobs.start(job, "a", later(1))
    assert jobs.find(ANA) == job
    assert jobs.open(TEAM) == [ANA]
    assert jobs.open("T0OTHER001") == []


def test_member_has_one_job_at_a_time(jobs: JobStore) -> None:
    assert jobs.start(a_job(), "a", later(1))
    assert not jobs.start(a_job(id=OTHER), "b", later(1))
    assert jobs.start(a_job(BEN, id=OTHER), "b", later(1))
    assert jobs.open(TEAM) == [ANA, BEN]
    assert jobs.save(a_job(state=JobState.DONE), "a", NOON)
    assert jobs.start(a_job(id=OTHER), "b", later(1))


def test_job_is_claimed_once_until_its_lease_ends(jobs: JobStore) -> None:
    jobs.start(a_job(), "a", later(1))
    assert jobs.claim(ANA, "b", later(0.5), later(2)) is None
    assert jobs.claim(ANA, "b", later(1), later(2)) == a_job()
    assert jobs.claim(ANA, "c", later(1), later(2)) is None
    assert not jobs.save(a_job(why="late"), "a", later(1))
    assert jobs.save(a_job(why="mine"), "b", later(1.5))
    assert jobs.claim(ANA, "c", later(1.4), later(2)) is None
    assert jobs.claim(ANA, "c", later(1.5), later(2)) == a_job(why="mine")


def test_concurrent_replicas_get_one_claim(jobs: JobStore) -> None:
    jobs.start(a_job(), "a", NOON)
    found = race(*(lambda name=name: jobs.claim(ANA, name, NOON, later(1)) for name in "bcde"))
    assert [each for each in found if each is not None] == [a_job()]


def test_ended_job_is_not_open_and_can_be_found(jobs: JobStore) -> None:
    jobs.start(a_job(), "a", NOON)
    ended = a_job(state=JobState.FAILED, why="quota")
    assert jobs.save(ended, "a", NOON)
    assert jobs.open(TEAM) == []
    assert jobs.claim(ANA, "b", later(5), later(6)) is None
    assert jobs.find(ANA) == ended


def test_offboarding_replaces_the_making_of_a_profile_in_progress(jobs: JobStore) -> None:
    jobs.start(a_job(), "a", later(3))
    assert jobs.start(LEAVING, "b", later(1))
    assert not jobs.save(a_job(state=JobState.DONE), "a", NOON)
    assert not jobs.save(LEAVING, "b", NOON)
    for lease in "bc":
        assert jobs.claim(ANA, lease, later(2), later(4)) is None  # the other one may still be calling AWS
    assert jobs.claim(ANA, "c", later(3), later(4)) == LEAVING
    assert not jobs.start(a_job(), "d", later(9))


def test_started_twice_is_one_job(jobs: JobStore) -> None:
    assert jobs.start(a_job(), "a", later(1))
    assert jobs.start(replace(a_job(), why="again"), "a", later(1))
    assert jobs.open(TEAM) == [ANA]


def test_stale_name_on_the_list_is_dropped(tables: Tables) -> None:
    jobs = JobTable(tables)
    jobs.start(a_job(), "a", NOON)
    tables.runtime(f"job#{TEAM}#{ANA.user_id}").delete()
    assert jobs.claim(ANA, "b", NOON, later(1)) is None
    assert jobs.open(TEAM) == []


def test_erasure_forgets_a_members_job_and_their_name_in_others(tables: Tables) -> None:
    jobs, by_ana = JobTable(tables), Actor(ANA.user_id, Source.FORM)
    jobs.start(a_job(), "a", NOON)
    jobs.start(a_job(BEN, actor=by_ana), "a", NOON)
    erasure = ErasureTable(tables, AuditTable(tables, days=400), ANA, (TEAM,))
    assert True in list(erasure.erase_runtime("UERASED1"))
    assert jobs.find(ANA) is None
    assert jobs.open(TEAM) == [BEN]
    assert jobs.find(BEN) == a_job(BEN, actor=replace(by_ana, name="UERASED1"))


def test_unreadable_job_is_an_error(tables: Tables) -> None:
    tables.runtime(f"job#{TEAM}#{ANA.user_id}", state="open", request=["x"], expires=NOON).save()
    with pytest.raises(StoreError):
        JobTable(tables).find(Member(TEAM, ANA.user_id))
