"""Prices of instances: the shipped list, AWS's price list, and files."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from bot.app import clients
from bot.aws import price_list
from bot.config import Settings
from bot.core.apps import App, AppName, AppStatus
from bot.core.errors import BadInput, ConfigError
from bot.workspaces.prices import PriceList, parse, shipped, studio_prices
from tests.cli import run_command

REGION = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}


def product(usage: str, price: object = "0.05", unit: str = "Hrs", currency: str = "USD") -> str:
    """Return a product as AWS's price list has it."""
    dimension = {"unit": unit, "pricePerUnit": {currency: price}}
    terms = {"OnDemand": {"SKU.TERM": {"priceDimensions": {"SKU.TERM.RATE": dimension}}}}
    return json.dumps({"product": {"attributes": {"usagetype": usage}}, "terms": terms})


def an_app(instance: str | None) -> App:
    return App(AppName("JupyterLab", "default"), "ana", AppStatus.IN_SERVICE, instance_type=instance)


def test_prices_of_studio_are_found_among_all_products() -> None:
    found = studio_prices(
        [
            product("EU-Studio:JupyterLab-ml.t3.medium", "0.0500000000"),
            product("Studio:KernelGateway-ml.g5.xlarge", "1.4080"),
            product("APS3-Studio:CodeEditor-ml.t3.medium", "0.06"),
            product("EU-Notebk:ml.t3.large", "0.1"),
            product("EU-Train:ml.p4d.24xlarge", "37"),
            product("EU-Studio:VolumeUsage.gp3"),
            product("EU-Studio:JupyterLab-ml.m5.large", unit="Seconds"),
            product("EU-Studio:JupyterLab-ml.m5.large", currency="CNY"),
        ]
    )
    assert found == {"ml.t3.medium": 0.06, "ml.g5.xlarge": 1.408}


def test_price_depends_on_region_and_instance() -> None:
    prices = parse('{"as_of": "2030-01-01", "usd_per_hour": {"eu-west-1": {"ml.t3.medium": 0.05}}}', "x")
    assert prices.hourly("eu-west-1", an_app("ml.t3.medium")) == 0.05
    assert prices.hourly("us-east-1", an_app("ml.t3.medium")) is None
    assert prices.hourly("eu-west-1", an_app("ml.future.large")) is None
    assert prices.hourly("eu-west-1", an_app(None)) is None
    assert prices.hourly("nowhere", an_app("system")) == 0


def test_shipped_list_is_dated_and_survives_a_file() -> None:
    prices = shipped()
    assert date(2025, 1, 1) <= prices.as_of
    assert prices.hourly("us-east-1", an_app("ml.t3.medium")) == 0.05
    assert parse(prices.to_json(), "x") == prices


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"as_of": "today", "usd_per_hour": {}}',
        '{"as_of": "2030-01-01", "usd_per_hour": []}',
        *(
            f'{{"as_of": "2030-01-01", "usd_per_hour": {{"r": {{"ml.x.y": {price}}}}}}}'
            for price in ("-1", "NaN", "Infinity", "true", '"0.05"', "null", "1e9")
        ),
    ],
)
def test_file_that_is_no_price_list_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="is no price list"):
        parse(text, "prices.json")


def test_missing_price_file_stops_the_start_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("STUDIO_PRICE_FILE", "/nowhere/prices.json")
    with pytest.raises(ConfigError, match=r"STUDIO_PRICE_FILE: /nowhere/prices\.json cannot be read"):
        clients.prices(Settings())


# `studio-links prices`


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """AWS's price list, which answers what a test adds."""
    for name, value in REGION.items():
        monkeypatch.setenv(name, value)
    client: Any = boto3.client("pricing", region_name="us-east-1")
    monkeypatch.setattr(price_list, "client", lambda _region: client)
    with Stubber(client) as stubber:
        yield stubber


def answer(aws: Stubber, region: str, *products: str) -> None:
    filters = [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": region}]
    asked = {"ServiceCode": "AmazonSageMaker", "Filters": filters, "FormatVersion": "aws_v1"}
    aws.add_response("get_products", {"PriceList": list(products)}, asked)


def prices(*arguments: str) -> tuple[int, str]:
    done = run_command("prices", *arguments, environment=REGION)
    return done.returncode, done.stdout + done.stderr


def test_prices_are_renewed_and_other_regions_stay(aws: Stubber, tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    for region, price in (("eu-west-1", "0.055"), ("eu-central-1", "0.057")):
        answer(aws, region, product("EU-Studio:JupyterLab-ml.t3.medium", price))
        assert prices("--write", str(file), "--region", region)[0] == 0
    found = parse(file.read_text(), "x")
    assert found.hourly("eu-west-1", an_app("ml.t3.medium")) == 0.055
    assert found.hourly("eu-central-1", an_app("ml.t3.medium")) == 0.057
    assert found.hourly("us-east-1", an_app("ml.t3.medium")) == 0.05
    assert [path.name for path in tmp_path.iterdir()] == ["prices.json"]


def test_region_without_prices_writes_nothing(aws: Stubber, tmp_path: Path) -> None:
    answer(aws, "eu-west-1", product("EU-Train:ml.t3.medium"))
    code, text = prices("--write", str(tmp_path / "prices.json"))
    assert (code, list(tmp_path.iterdir())) == (1, [])
    assert "no prices of Studio in eu-west-1" in text


def test_price_list_that_aws_refuses_writes_nothing(aws: Stubber, tmp_path: Path) -> None:
    aws.add_client_error("get_products", "AccessDeniedException")
    code, text = prices("--write", str(tmp_path / "prices.json"))
    assert (code, list(tmp_path.iterdir())) == (1, [])
    assert "AWS refuses us" in text


@pytest.mark.parametrize(
    ("region", "answers"),
    [("eu-west-1", "us-east-1"), ("cn-north-1", "cn-northwest-1"), ("us-gov-west-1", "us-east-1")],
)
def test_each_partition_asks_where_aws_knows_prices(region: str, answers: str) -> None:
    assert price_list.client(region).meta.region_name == answers


def test_prices_shows_the_day_and_the_regions() -> None:
    code, text = prices()
    assert code == 0
    assert f"prices of {shipped().as_of}" in text
    assert json.loads(prices("--json")[1])["instance_types"]["us-east-1"] > 40
    assert isinstance(shipped(), PriceList)
