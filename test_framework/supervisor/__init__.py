"""The one process that owns every server started, and the clients' hold on it."""
