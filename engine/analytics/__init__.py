"""Numbers about prices: marks and their age, the cost of a trade and what followed it, bond arithmetic."""
