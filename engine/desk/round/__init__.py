"""One round of asking: who is due, which quotes count and which is best, what happens next."""
