"""Workspaces in Studio: making them on approval, and removing them when their member leaves."""
