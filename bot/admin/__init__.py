"""Administration: the changes that administrators make, and the ways to ask for them."""
