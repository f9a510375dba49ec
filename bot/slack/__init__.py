"""Slack: what arrives as typed values, what members read as Block Kit, and the Web API between them."""
