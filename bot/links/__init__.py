"""Use cases of members: a link, or the reason for none, and their own status."""
