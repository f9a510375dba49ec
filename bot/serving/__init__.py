"""The HTTP server, what it admits, and the executors that do the work."""
