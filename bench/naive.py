"""A bot as in the tutorials: Bolt's own server, two reads, the link and an ephemeral message.

The benchmark compares the product with it. Do not use it as an example: it checks no tenant, has no limits, records
nothing and handles no failure. https://docs.slack.dev/tools/bolt-python/getting-started
"""

import logging
import os
from typing import Any

import boto3
from slack_bolt import Ack, App
from slack_sdk import WebClient

from bench.aws import ALLOWED, PROFILES


def main() -> None:
    dynamodb, sagemaker = boto3.client("dynamodb"), boto3.client("sagemaker")
    slack = WebClient(os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"])
    app = App(client=slack, signing_secret=os.environ["SLACK_SIGNING_SECRET"])

    @app.command("/studio")
    def studio(ack: Ack, command: dict[str, Any], client: WebClient) -> None:
        ack()
        key = {"user": {"S": f"{command['team_id']}#{command['user_id']}"}}
        allowed = dynamodb.get_item(TableName=ALLOWED, Key=key).get("Item")
        profile = dynamodb.get_item(TableName=PROFILES, Key=key).get("Item")
        if not allowed or not profile:
            return
        link = sagemaker.create_presigned_domain_url(
            DomainId=profile["domain"]["S"], UserProfileName=profile["profile"]["S"], ExpiresInSeconds=60
        )["AuthorizedUrl"]
        client.chat_postEphemeral(
            channel=command["channel_id"], user=command["user_id"], text=f"Your Studio: <{link}|open>"
        )

    logging.basicConfig(level=logging.INFO)
    app.start(port=int(os.environ["PORT"]))


if __name__ == "__main__":
    main()
