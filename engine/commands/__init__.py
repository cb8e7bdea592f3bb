"""What people and programs may ask: `table` has every command, `answering` carries it out by the handlers beside it."""
