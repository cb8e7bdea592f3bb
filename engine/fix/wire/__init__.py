"""Bytes to messages and back: framing, the message as a value, encoding, and validation against a dictionary."""
