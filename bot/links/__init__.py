"""What a member gets: a link, or the reason why not; and their own status."""
