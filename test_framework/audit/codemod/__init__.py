"""Rewrites names that have moved, wherever they are imported or used, and reverts what breaks anything."""
