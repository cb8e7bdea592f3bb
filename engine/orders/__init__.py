"""The life of an order of the OMS or of a trader: every legal move, in one table."""
