"""Every call of AWS but those of DynamoDB."""
