"""The WebSocket: what is said on it, how it closes, how many there may be, and one connection's life."""
