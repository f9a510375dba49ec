"""The conversation with administrators: `/studio admin`."""
