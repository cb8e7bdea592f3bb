"""Years of history into a running engine: a planted past, what an import does to everybody else, what a kill undoes."""
