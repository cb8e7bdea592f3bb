"""The wire: bytes to messages and back, sessions and their numbers, who says what to whom. Knows no trading."""
