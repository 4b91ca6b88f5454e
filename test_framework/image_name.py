"""What the name of an image says."""

from __future__ import annotations


def tag_of(image: str) -> str:
    """Return the tag in the name of an image, empty where it has none; a digest says nothing of a version."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]


def names_valkey(image: str) -> bool:
    """Whether the image is of Valkey, as far as its name says."""
    return "valkey" in image.rpartition("/")[2].partition(":")[0]


def image_of_version(image: str, version: str) -> str:
    """Return a default image with the version that is asked for in its tag, if any is, such as `redis:7-alpine`."""
    if not image or not version:
        return image
    product, _, number = version.rpartition(" ")
    name = f"{product}/{product}" if product else image.partition(":")[0]
    return f"{name}:{number}{tag_of(image)[len(tag_of(image).partition('-')[0]) :]}"
