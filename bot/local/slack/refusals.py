"""Slack's refusal of a request."""

from dataclasses import dataclass


@dataclass(unsafe_hash=True)
class Refusal(Exception):
    """The error code that Slack answers with, and its explanations where it gives any."""

    code: str
    problems: tuple[str, ...] = ()
