"""Who may: the changes that administrators make, and how they ask for them."""
