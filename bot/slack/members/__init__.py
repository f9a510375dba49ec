"""The conversation about links: `/studio`, its buttons, the home tab."""
