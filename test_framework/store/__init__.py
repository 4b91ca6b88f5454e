"""Server programs that we keep: which there are (`catalogue`, `named`), how they are fetched, and where they lie.

Nothing here knows a service's inside. Nothing of it is imported before somebody looks for a server program.
"""
