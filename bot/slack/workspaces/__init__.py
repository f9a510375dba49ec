"""The conversation about workspaces, with members and administrators."""
