"""Wiring: what `serve` runs, what a command needs, and the doctor that looks at all of it."""
