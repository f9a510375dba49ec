"""Importing this parses what the bot needs of botocore's data, for the processes that are forked afterwards."""

from bot.aws.client import _loader

loader = _loader(None)
loader.load_data("endpoints")
for service in ("dynamodb", "sagemaker", "sts"):
    loader.load_service_model(service, "service-2")
    loader.load_service_model(service, "endpoint-rule-set-1")
