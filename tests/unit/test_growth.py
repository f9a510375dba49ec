"""The DynamoDB cost of a link does not depend on the number of members."""

from bench.aws import TEMPLATE, Item
from bench.growth import Product, cost_of
from bench.slack import TEAM

# A member's item in the access table; its contract is in tests/contract/test_access_port.py.
MAPPING: Item = {"domain_id": {"S": "d-bench"}, "profile_name": {"S": "bench"}, "set_by": {"S": "cli:test"}}
ITEM: Item = {
    "owner": {"S": f"{TEAM}#{TEMPLATE}"},
    "item": {"S": "member"},
    "version": {"N": "2"},
    "mappings": {"M": {"default": {"M": MAPPING}}},
    "rules": {"M": {"allow": {"M": {"set_by": {"S": "cli:test"}}}}},
}


def test_link_costs_the_same_with_ten_and_a_million_members() -> None:
    few, many = (cost_of(Product.link, members, ITEM) for members in (10, 1_000_000))

    assert few == many
    assert few.calls == {"TransactWriteItems": 1, "BatchGetItem": 1, "UpdateItem": 1}
    assert (few.read, few.written) == (3, 9)  # member, workspace and account; two items twice, and the indexes


def test_list_costs_one_round_trip_per_page() -> None:
    few, many = (cost_of(Product.members, members, ITEM) for members in (10, 10_000))

    assert few.calls == {"Scan": 1}
    assert 4 <= many.calls["Scan"] <= 40
    assert few.written == many.written == 0
