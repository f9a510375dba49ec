"""Lockdown: no links in the workspace, at once and everywhere, with the administrator's reason."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.values import utc_now
from bot.local.faults import Fault
from tests.scenario.conftest import TEAM, Product
from tests.scenario.crowd import MINT, TESTER, Crowd, Someone, links_in
from tests.scenario.test_home import dialog_of, home_of
from tests.scenario.test_identity import wait_for_calls

WHY = "we are looking into a leak & will be back"
SHOWN = "we are looking into a leak &amp; will be back"


@pytest.fixture(scope="module")
def crowd(product: Product, log_folder: Path) -> Crowd:
    return Crowd(product, log_folder, "LOCK")


@pytest.fixture
def ana(crowd: Crowd) -> Iterator[Someone]:
    """Create a member with a profile and an allow rule. End the lockdown afterwards."""
    yield crowd.member()
    crowd.product.aws.clear_faults()
    crowd.admin.end_lockdown(TEAM, TESTER)


def test_lockdown_begins_and_ends_with_the_next_request(ana: Someone, product: Product) -> None:
    assert links_in([ana.reads(ana.types())])
    made = ana.crowd.links()

    assert "nobody gets a link now" in product.cli("lockdown", "on", "--reason", WHY).stdout
    refused = ana.types()

    message = ana.reads(refused)
    assert SHOWN in message.text
    assert message.buttons() == []
    assert ana.crowd.links() == made
    entry = ana.ended(refused, "lockdown")
    assert entry.detail is not None
    assert WHY in entry.detail
    assert "over" in product.cli("lockdown", "off").stdout
    assert links_in([ana.reads(ana.types())])


def test_lockdown_keeps_other_refusals(crowd: Crowd, ana: Someone) -> None:
    crowd.admin.lock_down(TEAM, WHY, TESTER)
    guest, unmapped = crowd.member(), crowd.member(mapped=False)
    guest.becomes(guest=True)
    assert "Guests cannot" in guest.reads(guest.types()).text
    assert SHOWN in unmapped.reads(unmapped.types()).text
    assert SHOWN in ana.reads(ana.types("no-such-alias")).text


def test_lockdown_button_gives_no_link(crowd: Crowd, ana: Someone, product: Product) -> None:
    message = ana.reads(ana.types())
    product.slack.open_home(ana.user_id)
    before = home_of(product, ana.user_id, ana.profile)
    crowd.admin.lock_down(TEAM, WHY, TESTER)
    made = crowd.links()

    assert SHOWN in ana.reads(ana.presses(message, "new_link")).text
    assert product.slack.press(ana.user_id, before, "home_open").ack == "ok"
    assert links_in_view(dialog_of(product, ana.user_id, SHOWN).blocks) == []
    assert crowd.links() == made


def links_in_view(blocks: object) -> list[str]:
    return [part for part in str(blocks).split("'") if part.startswith("http")]


def test_home_and_whoami_show_the_lockdown_reason(crowd: Crowd, ana: Someone, product: Product) -> None:
    ana.becomes(locale="de-DE")
    crowd.admin.lock_down(TEAM, WHY, TESTER)

    assert f"gerade für alle abgeschaltet: „{SHOWN}“" in ana.reads(ana.types("whoami")).text
    assert SHOWN in ana.reads(ana.types("help")).text
    product.slack.open_home(ana.user_id)
    shown = home_of(product, ana.user_id, SHOWN)
    assert "home_open" not in str(shown.blocks)


def test_lockdown_offers_no_profiles(crowd: Crowd, ana: Someone) -> None:
    ana.map_also("second", ana.profile)
    assert len(ana.reads(ana.types()).buttons()) == 2
    crowd.admin.lock_down(TEAM, WHY, TESTER)
    assert ana.reads(ana.types()).buttons() == []


def test_lockdown_discards_a_slow_link(crowd: Crowd, ana: Someone, product: Product) -> None:
    made = crowd.links()
    product.aws.inject(MINT, Fault(delay=1.5))
    exchange = ana.types()
    wait_for_calls(product, MINT, made + 1)

    crowd.admin.lock_down(TEAM, WHY, TESTER)

    message = ana.reads(exchange)
    assert links_in([message]) == []
    assert SHOWN in message.text
    assert ana.ended(exchange, "lockdown").link_sha256 is None


def test_lockdown_is_shown_explained_and_recorded(crowd: Crowd, ana: Someone, product: Product) -> None:
    assert "there is no lockdown" in product.cli("lockdown").stdout
    started = utc_now()
    product.cli("lockdown", "on", "--reason", WHY)
    assert WHY in product.cli("lockdown").stdout
    assert f'"reason": "{WHY}"' in product.cli("lockdown", "--json").stdout
    explained = product.cli("explain", ana.user_id).stdout
    assert WHY in explained
    assert "would be refused: lockdown" in explained
    assert "nothing to change" in product.cli("lockdown", "on", "--reason", WHY).stdout
    product.cli("lockdown", "off")
    assert "nothing to change" in product.cli("lockdown", "off").stdout

    changes = [e for e in crowd.admin.history(TEAM, None, started, limit=50) if e.action == "lockdown"]

    off, on = changes
    assert (on.subject, on.outcome, off.outcome) == (TEAM, "done", "done")
    assert on.after is not None
    assert on.after["reason"] == WHY
    assert off.before is not None
    assert off.before["reason"] == WHY
    assert started <= on.at < off.at <= utc_now()
    assert on.actor.startswith("cli:arn:")
