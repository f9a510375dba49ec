"""AWS's price list of SageMaker.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html
"""

from collections.abc import Iterator
from typing import Any

from bot.aws.account import CONFIG
from bot.aws.client import aws_errors, new_session, partition_of

SERVICE = "AmazonSageMaker"
# Where AWS answers about prices, by partition.
# https://docs.aws.amazon.com/general/latest/gr/billing.html
ENDPOINTS = {"aws-cn": "cn-northwest-1"}
EVERYWHERE_ELSE = "us-east-1"


def client(region: str) -> Any:
    """Return a client that knows the prices of a region."""
    answers = ENDPOINTS.get(partition_of(region) or "", EVERYWHERE_ELSE)
    with aws_errors():
        return new_session().client("pricing", region_name=answers, config=CONFIG)


def products(pricing: Any, region: str) -> Iterator[str]:
    """Yield SageMaker's products of a region with their prices, each as JSON.

    Raises:
        StudioError: AWS refuses or does not answer.
    """
    with aws_errors():
        pages = pricing.get_paginator("get_products").paginate(
            ServiceCode=SERVICE,
            Filters=[{"Type": "TERM_MATCH", "Field": "regionCode", "Value": region}],
            FormatVersion="aws_v1",
        )
        for page in pages:
            yield from page["PriceList"]
