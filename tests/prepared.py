"""Importing this prepares what each process would prepare for itself, for those that are forked afterwards."""

import typer.main

from bot.aws.client import _loader
from bot.cli.root import cli
from tests.command_tree import keep_commands

loader = _loader(None)
loader.load_data("endpoints")
for service in ("dynamodb", "sagemaker", "sts"):
    loader.load_service_model(service, "service-2")
    loader.load_service_model(service, "endpoint-rule-set-1")

keep_commands()
typer.main.get_command(cli)
