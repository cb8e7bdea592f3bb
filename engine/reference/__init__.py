"""What the desk is told about the world: the security master, published holdings, settlement days."""
