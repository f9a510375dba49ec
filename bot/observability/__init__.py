"""Logs, metrics, traces, and the context that they share."""
