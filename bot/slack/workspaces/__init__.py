"""What members and administrators see of workspaces, and do to them."""
