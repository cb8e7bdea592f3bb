"""Kill tests of the real process: it strikes itself down in a chosen phase of a turn, and comes back."""
