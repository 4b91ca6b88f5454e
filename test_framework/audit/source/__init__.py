"""What one file does while it is imported: read from its syntax, with what never runs cut out."""
