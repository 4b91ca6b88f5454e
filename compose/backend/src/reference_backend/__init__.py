"""A small, real backend of an agent platform: the system that the end-to-end tests test."""

__version__ = "0.1.0"
