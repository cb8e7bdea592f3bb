"""The admin socket of people and programs, and rfqctl at its other end."""
