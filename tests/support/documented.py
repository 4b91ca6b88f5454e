"""The project that the how-to pages have in mind: small, healthy, in git."""

from __future__ import annotations

__all__ = ["PROJECT"]

PROJECT = {
    "pyproject.toml": """\
[project]
name = "shop"
version = "1"

[tool.pytest.ini_options]
addopts = ["--import-mode=importlib"]
pythonpath = ["."]

[tool.test_framework.services.postgres]
template = ["schema.sql"]

[tool.test_framework.tiers.integration]
paths = ["tests/integration", "tests/db"]
""",
    ".gitignore": "__pycache__/\n.pytest_cache/\nreports/\n",
    "schema.sql": "CREATE TABLE book (title text PRIMARY KEY);\n",
    "shop/__init__.py": "",
    "shop/basket.py": '"""The old place."""\n\n\ndef add(a, b):\n    return a + b\n',
    "shop/cart.py": '"""The new place."""\n\n__all__ = ["add"]\n\n\ndef add(a, b):\n    return a + b\n',
    "shop/money.py": '"""Money."""\n\n\nclass Price:\n    pass\n',
    "shop/pricing/__init__.py": "",
    "shop/pricing/model.py": '"""The model."""\n\n__all__ = ["Amount"]\n\n\nclass Amount:\n    pass\n',
    "tests/unit/test_basket.py": """\
from shop.basket import add


def test_two_are_added():
    assert add(1, 2) == 3


def test_nothing_is_added():
    assert add(1, 0) == 1
""",
    "tests/integration/test_cache.py": """\
from redis import Redis


def test_a_key_is_kept(redis_db):
    with Redis.from_url(redis_db.url) as client:
        client.set("title", "Kindred")
        assert client.get("title") == b"Kindred"
""",
    "tests/db/test_books.py": """\
def test_a_book_is_kept(postgres_connection):
    postgres_connection.execute("INSERT INTO book VALUES ('Kindred')")
    assert postgres_connection.execute("SELECT title FROM book").fetchall() == [("Kindred",)]
""",
    "tests/smoke/test_services.py": """\
def test_the_servers_answer(postgres, redis):
    assert postgres.version and redis.version
""",
}
