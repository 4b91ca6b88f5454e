"""The routes: what comes in is checked here, what goes out is shaped here, the work is done elsewhere."""
