"""The Slack app's manifest, for either transport. `manifest.yml` at the top of the repository is the HTTP one.

https://docs.slack.dev/reference/app-manifest
"""

import re
from collections.abc import Mapping

from bot.core.values import InvalidValue

# Where Slack reaches the bot, until the real address is known.
PLACEHOLDER = "https://studio-links.example.com"
# Slack takes a slash command's URL of up to 3000 characters.
MAX_URL_LENGTH = 3000
PATH = "/slack/events"

# What the bot token may do, and why.
SCOPES: Mapping[str, str] = {
    "commands": "/studio",
    "chat:write": "the reply, where Slack's response_url does not take it",
    "users:read": "whether the member is active, a guest, or of another workspace",
    "users:read.email": "studio-links sync, which matches members and profiles by e-mail",
    "usergroups:read": "who is in the user groups that rules are about",
}
# What Slack tells the bot of without being asked, and why.
EVENTS: Mapping[str, str] = {
    "app_home_opened": "the home tab",
    "app_uninstalled": "the log says that the workspace has removed the app",
    "tokens_revoked": "the log says that the token is worth nothing any more",
}

OVER_HTTP = """\
# The Slack app. Create it from this file: https://api.slack.com/apps?new_app=1 → From a manifest.
# Put the address at which Slack reaches the bot into each URL first, or let `studio-links manifest --url` do it.
"""
OVER_SOCKET_MODE = """\
# The Slack app, over Socket Mode. Create it from this file: https://api.slack.com/apps?new_app=1 → From a manifest.
# Then make an app-level token with the scope connections:write under Basic Information: that is SLACK_APP_TOKEN.
"""

BODY = """\
_metadata:
  major_version: 1
  minor_version: 1
display_information:
  name: Studio links
  description: A private, 60-second sign-in link to SageMaker Studio
  long_description: >-
    Type /studio, and get a link that signs you in to Amazon SageMaker Studio without the AWS console. The link works
    for one minute, and only you see it. Who may open which profile is decided by your administrators; every request
    is recorded, whatever came of it, and the link itself is never stored.
  background_color: "#1d3557"
features:
  app_home:
    home_tab_enabled: true
    messages_tab_enabled: true
    messages_tab_read_only_enabled: false
  shortcuts:
    - name: Open Studio
      type: global
      callback_id: open_studio
      description: Get a private link to SageMaker Studio
  bot_user:
    display_name: Studio links
    always_online: true
  slash_commands:
    - command: /studio
      description: Get a private link to SageMaker Studio
      usage_hint: "[alias] [lab|code|canvas|rstudio|classic|home] [space NAME] | whoami | request | help"
{command_url}\
      # Mentions arrive as ids, never as names: https://docs.slack.dev/interactivity/implementing-slash-commands
      should_escape: true
oauth_config:
  scopes:
    bot:
{scopes}\
settings:
  event_subscriptions:
{events_url}\
    bot_events:
{events}\
  interactivity:
    is_enabled: true
{interactivity_url}\
  org_deploy_enabled: false
  socket_mode_enabled: {socket_mode}
  token_rotation_enabled: false
"""


def manifest(*, socket: bool = False, url: str = PLACEHOLDER) -> str:
    """The manifest as YAML.

    Args:
        socket: over Socket Mode, where the app has no address; `url` is not looked at then.
        url: the bot's address, with or without the path of its entrance.

    Raises:
        InvalidValue: the address is none that Slack would take.
    """
    address = None if socket else _request_url(url)
    body = BODY.format(
        command_url=_line(6, "url", address),
        events_url=_line(4, "request_url", address),
        interactivity_url=_line(4, "request_url", address),
        scopes="".join(f"      - {scope} # {why}\n" for scope, why in SCOPES.items()),
        events="".join(f"      - {event} # {why}\n" for event, why in EVENTS.items()),
        socket_mode=str(socket).lower(),
    )
    return (OVER_SOCKET_MODE if socket else OVER_HTTP) + body


def _line(indent: int, name: str, value: str | None) -> str:
    return "" if value is None else f"{' ' * indent}{name}: {value}\n"


def _request_url(url: str) -> str:
    address = url.rstrip("/").removesuffix(PATH) + PATH
    # Nothing that YAML would read as anything but a part of the address.
    if not re.fullmatch(r"https://[\w.-]+(:\d+)?(/[\w./~-]*)?", address, re.ASCII) or len(address) > MAX_URL_LENGTH:
        raise InvalidValue("address", url, "one that Slack can reach over HTTPS, such as https://studio.example.com")
    return address
