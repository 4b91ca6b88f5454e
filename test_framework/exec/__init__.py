"""A command with servers of its own: what it is told of them, how it has them, how it is run."""
