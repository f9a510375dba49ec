"""Pages of docs/reference, made from the code: `make docs` writes them, and a test compares."""
