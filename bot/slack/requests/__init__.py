"""The conversation about access requests."""
