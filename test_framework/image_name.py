"""What the name of an image says."""

from __future__ import annotations


def tag_of(image: str) -> str:
    """Return the tag in the name of an image, empty where it has none; a digest says nothing of a version."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]
