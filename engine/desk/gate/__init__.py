"""What stands before every message to a dealer: the risk checks, and what information protection looks at."""
