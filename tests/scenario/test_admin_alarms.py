"""The counters behind the alarms for what administrators change, and for attempts to do so without being one."""

import pytest

from bot.admin.changes import Admin
from bot.app import administration
from bot.config import Settings, load
from tests.scenario.conftest import Product
from tests.scenario.test_slack_admin import presses, types
from tests.waiting import wait_until

ADA, BEA, ANA = "U0ADA", "U0BEA", "U0ANA"
SETTINGS = {"STUDIO_ADMINS": f"{ADA},{BEA}"}


@pytest.fixture(scope="module")
def admin(product: Product) -> Admin:
    for user in (ADA, BEA, ANA):
        product.slack.add_member(user, user.removeprefix("U0").lower())
    return administration.admin(load(Settings))


def counts(product: Product, metric: str, number: int) -> bool:
    return f"{metric}}} {number}.0" in product.bot.get("/metrics")[1]


CHANGE = 'studio_links_admin_changes_total{change="'
OUTCOME = 'studio_links_requests_total{outcome="'


@pytest.mark.usefixtures("admin")
def test_each_change_and_lifted_lockdown_is_counted(product: Product) -> None:
    types(product, ADA, "allow @ana")
    types(product, ADA, "allow @ana")  # changes nothing
    presses(product, ADA, types(product, ADA, "lockdown on --reason test"), "admin_confirm")
    types(product, ADA, "lockdown off")

    wait_until(lambda: counts(product, f'{CHANGE}lockdown_lifted"', 1))
    assert [counts(product, f'{CHANGE}{verb}"', 1) for verb in ("allow", "lockdown")] == [True, True]


@pytest.mark.usefixtures("admin")
def test_refused_attempts_are_counted(product: Product) -> None:
    types(product, ADA, "allow @ada")
    types(product, ANA, "allow @ana")

    wait_until(lambda: counts(product, f'{OUTCOME}not_an_admin"', 1))
    assert counts(product, f'{OUTCOME}admin_refused"', 1)
