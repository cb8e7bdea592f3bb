"""Where the cores meet: what is decided about orders, dealers and quotes, and the state that events fold into."""
