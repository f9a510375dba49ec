"""The mistakes in an app's calls and answers that Slack would refuse. The page shows them to the developer."""

from collections.abc import Iterable, Mapping

from bot.local.slack.blocks import refusal
from bot.local.slack.exchanges import Exchange
from bot.local.slack.response_urls import Delivery
from bot.local.slack.web_api import ApiCall

# Errors that mean the app wrote something wrong. Others, like a channel without the bot, happen to any app.
MISTAKES = {"invalid_arguments", "invalid_blocks", "invalid_blocks_format", "invalid_payload"}
MISTAKES |= {"msg_too_long", "no_text", "unknown_method", "view_too_large"}


def mistakes(calls: Iterable[ApiCall], deliveries: Iterable[Delivery], exchanges: Iterable[Exchange]) -> list[str]:
    """Return one line for each mistake, oldest first. They quote names and places of fields, never their content."""
    found = [
        (call.at, f"{call.method}: {call.error}: {_list(call.answer.get('errors', ()))}")
        for call in calls
        if call.error in MISTAKES
    ]
    for post in deliveries:
        if post.body in MISTAKES:
            refused = refusal(post.payload) if isinstance(post.payload, Mapping) else None
            found.append((post.at, f"response_url: {post.body}: {_list(refused.problems if refused else ())}"))
    found += [(each.at, f"{each.kind}: {each.problem}") for each in exchanges if each.problem]
    return [line for _, line in sorted(found)]


def _list(lines: Iterable[str]) -> str:
    return "; ".join(lines) or "no explanation"
