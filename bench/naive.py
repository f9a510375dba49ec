"""A bot as in the tutorials: Bolt's own server, two reads, the link and an ephemeral message.

The benchmark compares the product with it. Do not use it as an example: it checks no tenant, has no limits, records
nothing and handles no failure. https://docs.slack.dev/tools/bolt-python/getting-started

With `--tuned`, the same behind a production server with 64 threads and as many for its listeners.
"""

import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import waitress
from botocore.config import Config
from slack_bolt import Ack, App
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_sdk import WebClient

from bench.aws import ALLOWED, PROFILES

THREADS = 64


def main() -> None:
    tuned = "--tuned" in sys.argv
    config = Config(max_pool_connections=THREADS) if tuned else None
    dynamodb, sagemaker = boto3.client("dynamodb", config=config), boto3.client("sagemaker", config=config)
    slack = WebClient(os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"])
    listeners = ThreadPoolExecutor(THREADS) if tuned else None
    app = App(client=slack, signing_secret=os.environ["SLACK_SIGNING_SECRET"], listener_executor=listeners)

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
    if tuned:
        waitress.serve(SlackRequestHandler(app), host="127.0.0.1", port=os.environ["PORT"], threads=THREADS)
    app.start(port=int(os.environ["PORT"]))


if __name__ == "__main__":
    main()
