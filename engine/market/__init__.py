"""What is known of bonds and their prices.

The security master, marks and their age, settlement days, bond arithmetic, the cost of a trade.
"""
