"""The life of one round of asking: who is due, who is overdue, which quotes count and which is best."""
