"""Items of one member in the access table, written by the product itself."""

import os
from typing import Any
from unittest.mock import patch

import boto3

from bench.aws import TEMPLATE, Item
from bench.slack import TEAM
from bot.app import administration, clients
from bot.config import Settings, load
from bot.core.access import Effect, Grant, Mapping, Member
from bot.core.link import Source
from bot.core.records import Actor
from bot.local.aws.stand_in import LocalAws
from bot.local.demo import seed
from bot.store import tables

SEEDING = Actor("cli:bench", Source.CLI)


def create_domain(name: str) -> str:
    """Create a SageMaker domain and return its id."""
    return seed.create_domain(boto3.client("sagemaker"), name)


def create_profile(domain: str, name: str) -> None:
    """Create a user profile in a domain."""
    boto3.client("sagemaker").create_user_profile(DomainId=domain, UserProfileName=name)


def items_of_the_template() -> dict[str, list[Item]]:
    """Return the items of a member with one mapping and an allow rule, by table."""
    with LocalAws() as aws, patch.dict(os.environ, aws.environment()):
        domain = create_domain("bench")
        create_profile(domain, "bench")
        settings = load(Settings)
        for finding in tables.create(clients.table_administration(settings)):
            assert finding.ok, finding
        admin = administration.admin(settings)
        admin.map(Member(TEAM, TEMPLATE), Mapping("default", domain, "bench"), SEEDING)
        admin.grant(TEAM, Grant(TEMPLATE, Effect.ALLOW), SEEDING)
        dynamodb: Any = boto3.client("dynamodb")
        name = f"{settings.studio_table_prefix}access"
        return {name: dynamodb.scan(TableName=name)["Items"]}
