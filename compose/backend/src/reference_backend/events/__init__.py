"""What an agent's run tells its user: the five events, kept in order, delivered to every connection."""
