"""An order from its arrival to its end: every legal move, intake, what the OMS is told."""
