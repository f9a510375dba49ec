"""Minimal start of a bot with these libraries: import them and create the clients, nothing else."""

import boto3
import prometheus_client
import pydantic_settings
import pynamodb.models
import structlog
import waitress.server
from slack_bolt import App
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient

LIBRARIES = (prometheus_client, pydantic_settings, pynamodb, structlog, waitress)


def main() -> None:
    boto3.client("dynamodb")
    boto3.client("sagemaker")
    WebClient("xoxb-bare")
    App(authorize=lambda: AuthorizeResult(enterprise_id=None, team_id=None), signing_secret="bare")  # noqa: S106


if __name__ == "__main__":
    main()
