"""Print the app's manifest for Socket Mode as the Slack CLI takes it: as JSON."""
# ruff: noqa: INP001 - a script

import json
import sys

import yaml

from bot.slack.manifest import manifest

json.dump(yaml.safe_load(manifest(socket=True)), sys.stdout)
