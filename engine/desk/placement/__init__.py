"""One acceptance at a dealer: sent, answered or in doubt, and its fills booked."""
