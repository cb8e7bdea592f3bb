"""Who says what to whom.

The messages of an OMS, a dealer and a market data provider, as the desk hears and says them.
"""
