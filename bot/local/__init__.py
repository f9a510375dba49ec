"""Stand-ins for AWS and Slack, for development, tests and the demo."""
