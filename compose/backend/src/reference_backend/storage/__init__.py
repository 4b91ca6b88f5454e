"""What is kept in Postgres. Every function that reads or writes what a user owns takes that user."""
