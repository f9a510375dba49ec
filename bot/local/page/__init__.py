"""The page in which a browser plays Slack."""
