"""The engine's FIX session layer with nothing behind it: what comes in goes back."""
