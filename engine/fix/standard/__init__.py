"""What the FIX standard names: tags, values, types, and the dictionaries that say what a message may hold."""
