"""The path of one warm `/studio` through the bot: the files and functions that a request enters.

    python -m bench.path [--list]

The bot runs in this process against the stand-ins of the benchmark. A profile hook sees every thread that serves
the measured request: the server's thread, and those of the executors.
"""

import argparse
import io
import itertools
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path
from types import CodeType, FrameType
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

from slack_sdk.signature import SignatureVerifier

import bot
from bench.processes import line_process
from bench.seed import items_of_the_template
from bench.slack import APP as APP_ID
from bench.slack import SECRET, TEAM, TOKEN
from bot.app import serving
from bot.app.bot import Bot
from bot.config import HttpSettings, load

ROOT = Path(bot.__file__).parent
WARM_UP_REQUESTS = 3
numbers = itertools.count()


class Recorder:
    """The code that runs while it is on, in every thread."""

    def __init__(self) -> None:
        self.on = False
        self.entered: Counter[CodeType] = Counter()

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        """Note a call: https://docs.python.org/3/library/sys.html#sys.setprofile"""
        if self.on and event == "call":
            self.entered[frame.f_code] += 1

    def functions(self) -> list[tuple[str, str, int]]:
        """File, function and number of calls of each function of the bot, without its stand-ins.

        A comprehension is part of the function around it, although Python gives it a frame of its own.
        """
        found = []
        for code, calls in self.entered.items():
            path = Path(code.co_filename)
            if path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / "local"):
                name = code.co_qualname.split(".<locals>.")
                if not name[-1].startswith("<") or name[-1] == "<lambda>":
                    found.append((str(path.relative_to(ROOT.parent)), code.co_qualname, calls))
        return sorted(found)


@contextmanager
def bot_against_stand_ins() -> Iterator[Bot]:
    """A bot in this process, ready to serve, in the workspace of the benchmark's Slack."""
    with ExitStack() as stack:
        slack = stack.enter_context(line_process("bench.slack"))
        aws = stack.enter_context(line_process("bench.aws", first=json.dumps(items_of_the_template())))
        environment = {
            "AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{aws.first_reply}",
            "AWS_ENDPOINT_URL_SAGEMAKER": f"http://127.0.0.1:{aws.first_reply}",
            "AWS_ENDPOINT_URL_STS": f"http://127.0.0.1:{aws.first_reply}",
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "SLACK_API_URL": f"http://127.0.0.1:{slack.first_reply}/api/",
            "SLACK_BOT_TOKEN": TOKEN,
            "SLACK_SIGNING_SECRET": SECRET,
        }
        stack.enter_context(patch.dict(os.environ, environment))
        bot = serving.build(load(HttpSettings))
        stack.callback(bot.stop)
        bot.start()
        bot.wait_until_warm(30)
        assert bot.app.home is not None, "the bot is not ready"
        yield bot


def ask(bot: Bot, slack_port: str) -> None:
    """Send `/studio`, and wait until the request has ended."""
    key = f"C{next(numbers)}"
    body = urlencode(
        {
            "command": "/studio",
            "text": "",
            "team_id": TEAM,
            "user_id": "U0BENCH0000",
            "channel_id": key,
            "api_app_id": APP_ID,
            "trigger_id": f"{key}.{os.getpid()}",
            "response_url": f"http://127.0.0.1:{slack_port}/commands/{TEAM}/{key}",
        }
    ).encode()
    at = str(int(time.time()))
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/slack/events",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_SLACK_REQUEST_TIMESTAMP": at,
        "HTTP_X_SLACK_SIGNATURE": SignatureVerifier(SECRET).generate_signature(timestamp=at, body=body),
        "wsgi.input": io.BytesIO(body),
    }
    statuses: list[str] = []
    b"".join(bot.wsgi(environ, lambda status, _headers: statuses.append(status)))
    assert statuses == [f"{HTTPStatus.OK.value} OK"], statuses
    sys.setprofile(None)  # waiting is no part of the path
    while bot.app.workers.in_flight:
        time.sleep(0.01)


def measure() -> list[tuple[str, str, int]]:
    """Return the functions that one warm request enters."""
    recorder = Recorder()
    threading.setprofile(recorder)
    try:
        with bot_against_stand_ins() as bot:
            port = os.environ["SLACK_API_URL"].split(":")[2].partition("/")[0]
            for _ in range(WARM_UP_REQUESTS):
                ask(bot, port)
            recorder.on = True
            sys.setprofile(recorder)
            ask(bot, port)
            recorder.on = False
    finally:
        threading.setprofile(None)
    return recorder.functions()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--list", action="store_true", help="name every function, with how often it was called")
    arguments = parser.parse_args()
    functions = measure()
    if arguments.list:
        for file, names in itertools.groupby(functions, key=lambda function: function[0]):
            print(file)
            for _, name, calls in names:
                print(f"  {name} x{calls}" if calls > 1 else f"  {name}")
    print(f"one warm /studio: {len({file for file, _, _ in functions})} files, {len(functions)} functions of bot/")


if __name__ == "__main__":
    main()
