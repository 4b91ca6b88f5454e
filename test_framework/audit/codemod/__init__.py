"""Rewrites names that have moved, wherever they are imported or used, and takes back what breaks anything."""
