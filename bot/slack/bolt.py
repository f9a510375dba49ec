"""Bolt, for dispatching only: verification and acknowledgement are the transports' own."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from slack_bolt import App, BoltRequest, BoltResponse
from slack_bolt.authorization import AuthorizeResult

# The types of bodies that need a certain shape; see `is_well_formed`.
SHAPED = (
    *("block_actions", "interactive_message", "workflow_step_edit", "view_submission", "view_closed"),
    *("event_callback", "shortcut", "message_action", "block_suggestion", "dialog_suggestion"),
)


def create(token: str) -> App:
    """Create Bolt without its own verification of signatures.

    `authorize` keeps Bolt from calling auth.test while a member waits, and from OAuth if SLACK_CLIENT_ID is set.
    """
    return App(
        name="studio-links",  # Bolt would read the source files of the whole stack for one
        authorize=lambda enterprise_id, team_id: AuthorizeResult(
            enterprise_id=enterprise_id, team_id=team_id, bot_token=token
        ),
        request_verification_enabled=False,
        process_before_response=True,
    )


def dispatch(bolt: App, body: dict[str, Any]) -> BoltResponse | None:
    """Route a parsed body to its listener; return None if it is not what Slack sends."""
    if not is_well_formed(body):
        return None
    # In this mode Bolt takes a parsed body; over HTTP it would parse the raw one again, its own way.
    response = bolt.dispatch(BoltRequest(body=body, mode="socket_mode"))
    # Bolt answers 500 for a body that it fails on, and has logged why.
    return None if response.status == HTTPStatus.INTERNAL_SERVER_ERROR else response


def acknowledgement(response: BoltResponse | None) -> dict[str, Any] | None:
    """Return the response as the payload of a Socket Mode acknowledgement; None for a refusal."""
    if response is None or response.status != HTTPStatus.OK:
        return None
    if not response.body:
        return {}
    if response.first_headers()["content-type"].startswith("application/json"):
        payload: dict[str, Any] = json.loads(response.body)
        return payload
    return {"text": response.body}


def is_well_formed(body: Mapping[str, Any]) -> bool:
    """Check for the shape that Bolt takes for granted and fails without."""
    match body:
        case {"type": "block_actions", "actions": [_, *_] as actions}:
            return all(isinstance(action, Mapping) and isinstance(action.get("action_id"), str) for action in actions)
        case (
            {"type": "interactive_message", "actions": [_, *_]}
            | {"type": "workflow_step_edit", "workflow_step": {}}
            | {"type": "block_suggestion", "action_id": str()}
            | {"type": "dialog_suggestion", "callback_id": str()}
            | {"type": "view_submission" | "view_closed", "view": {"callback_id": str(), "type": str()}}
            | {"type": "event_callback", "event": {"type": str()}}
            | {"type": "shortcut" | "message_action", "callback_id": str()}
        ):
            return True
        case _:
            return body.get("type") not in SHAPED


def is_suggestion(body: Mapping[str, Any]) -> bool:
    """Return whether a body asks for the options of a field, which its acknowledgement holds and so waits for."""
    return body.get("type") == "block_suggestion"
