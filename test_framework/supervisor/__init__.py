"""The process that owns every server that was started, and its clients."""
