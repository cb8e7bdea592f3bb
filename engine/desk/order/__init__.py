"""An order from its arrival to its end: intake, what the OMS is told, how it ends."""
