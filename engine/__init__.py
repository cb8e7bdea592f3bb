"""Dynamic dealer selection for illiquid bonds: an asyncio FIX engine."""
