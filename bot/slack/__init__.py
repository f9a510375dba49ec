"""Slack: payloads as typed values, messages as Block Kit, and the Web API between them."""
