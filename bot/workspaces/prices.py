"""The hourly price of an instance, from a dated price list. Pure."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from bot.core.apps import App
from bot.core.errors import BadInput

# Apps of this type run on the domain's own machine, without a price of their own.
# https://docs.aws.amazon.com/sagemaker/latest/dg/notebooks-usage-metering.html
FREE = "system"
# How AWS's price list names the use of an instance by Studio: `USE1-Studio:JupyterLab-ml.t3.medium`.
USAGE = re.compile(r"(?:[A-Z0-9-]+-)?Studio:[A-Za-z]+-(?P<instance>ml\.[a-z0-9-]+\.[a-z0-9]+)")
SHIPPED = "prices.json"


@dataclass(frozen=True, slots=True)
class PriceList:
    """Dollars an hour, by region and instance type.

    Attributes:
        as_of: the day of the prices. Those of the file that comes with the bot were never compared with AWS.
    """

    as_of: date
    prices: Mapping[str, Mapping[str, float]] = field(repr=False)

    def hourly(self, region: str, app: App) -> float | None:
        """Return what an hour of an app costs; None where the price or the instance type is unknown."""
        if app.instance_type is None:
            return None
        return 0.0 if app.instance_type == FREE else self.prices.get(region, {}).get(app.instance_type)

    def to_json(self) -> str:
        """Return the list as a file holds it."""
        found = {region: dict(sorted(prices.items())) for region, prices in sorted(self.prices.items())}
        return json.dumps({"as_of": self.as_of.isoformat(), "usd_per_hour": found}, indent=1) + "\n"

    def with_region(self, region: str, prices: Mapping[str, float], as_of: date) -> "PriceList":
        """Return the list with the prices of a region replaced."""
        return PriceList(as_of, MappingProxyType({**self.prices, region: prices}))


def shipped() -> PriceList:
    """Return the price list that comes with this version."""
    return parse(files("bot.workspaces").joinpath(SHIPPED).read_text("utf-8"), SHIPPED)


def parse(text: str, name: str) -> PriceList:
    """Return a price list from its file's text.

    Raises:
        BadInput: it is none.
    """
    try:
        given = json.loads(text)
        prices = {
            str(region): MappingProxyType({str(instance): _price(each) for instance, each in found.items()})
            for region, found in given["usd_per_hour"].items()
        }
        return PriceList(date.fromisoformat(given["as_of"]), MappingProxyType(prices))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise BadInput(f"{name} is no price list: write one with `studio-links prices --write {name}`") from None


def _price(given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given < 1e6:  # noqa: PLR2004 - NaN fails too
        raise ValueError
    return float(given)


def studio_prices(products: Iterable[str]) -> dict[str, float]:
    """Return dollars an hour by instance type from products of AWS's price list, each as JSON.

    Where apps of several types have different prices, the highest counts.
    https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
    """
    found: dict[str, float] = {}
    for product in map(json.loads, products):
        usage = USAGE.fullmatch(product["product"]["attributes"].get("usagetype", ""))
        for price in _hourly(product["terms"].get("OnDemand", {})) if usage else ():
            instance = usage["instance"] if usage else ""
            found[instance] = max(price, found.get(instance, 0.0))
    return found


def _hourly(terms: Mapping[str, Any]) -> Iterator[float]:
    for term in terms.values():
        for dimension in term["priceDimensions"].values():
            if dimension["unit"] in ("Hrs", "Hours") and "USD" in dimension["pricePerUnit"]:
                yield float(dimension["pricePerUnit"]["USD"])
