"""The stand-in for Slack: a workspace with its Web API, response URLs and Socket Mode."""
