"""The vocabulary everybody shares: frozen values, events, what is heard and said. Decides nothing."""
