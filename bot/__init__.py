"""Studio links: `/studio` in Slack answers with a private, 60-second sign-in link to SageMaker Studio."""
