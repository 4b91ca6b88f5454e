"""Sound code of any length: what the modules and the tests of the generated suite consist of beside what is planted.

The text is made to be hard on a reader that is not a parser: code inside strings, brackets inside comments, signatures
over many lines, functions in functions, and words such as `import` and `def test_` where they mean nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

__all__ = ["module_code", "test_code", "title", "word"]

_NOUNS = tuple(
    """
    order account invoice customer ledger session token message thread report budget shipment tenant policy quota
    payment refund catalog stock price discount profile address channel delivery event metric alert schedule
    worker queue batch parcel export record journal audit folder document version release
    """.split()  # noqa: SIM905  # one word a line would fill the page
)
_VERBS = tuple(
    """
    load store merge split check count rank filter group update cancel confirm apply reject archive resolve notify
    collect convert compare validate render publish refresh rotate expire
    """.split()  # noqa: SIM905  # one word a line would fill the page
)
_LINES = (
    "The caller owns what is returned; nothing here is cached (see the notes of the last migration).",
    "An example that is not run: `from acme.nowhere import nothing` and `def test_example(: pass`.",
    "Rows arrive in the order of their keys, and leave in that order; a gap is not an error.",
    "Where the value is missing, the default of the tenant is used, and that of the system after it.",
    "Times are seconds since the epoch, in UTC; amounts are cents, and may be negative (refunds).",
    "It's the same rule as for \"late\" rows: don't drop them, don't count them twice.",
)


def word(rng: random.Random) -> str:
    """Return a word that a module or a test may be called after."""
    return rng.choice(_NOUNS)


def title(text: str) -> str:
    """Return the name of a class for words with underscores."""
    return "".join(part.capitalize() for part in text.split("_"))


def _name(rng: random.Random, number: int) -> str:
    return f"{rng.choice(_VERBS)}_{rng.choice(_NOUNS)}_{number}"


def _prose(rng: random.Random, indent: str, lines: int) -> str:
    return "".join(f"{indent}{rng.choice(_LINES)}\n" for _ in range(lines))


def _function(rng: random.Random, number: int) -> str:
    name = _name(rng, number)
    return f'''def {name}(
    rows: list[dict[str, int]],
    *,
    limit: int = {rng.randrange(9, 999)},  # not ) the end
    keep: tuple[str, ...] = ("a", "b)", "c:"),
) -> list[int]:
    """{rng.choice(_LINES)}

{_prose(rng, "    ", rng.randrange(2, 12))}    """
    total = []
    for row in rows:
        value = row.get({rng.choice(_NOUNS)!r}, 0) * {rng.randrange(2, 99)}
        if value > limit and not any(key in row for key in keep):
            total.append(value - {rng.randrange(1, 9)})
        elif value == {rng.randrange(9)}:
            raise ValueError(f"{{value}} of {{row!r}}: def test_{name}(): assert True")
    def inner(part: int, scale=lambda n: n * 2) -> int:
        # import {name}_gone
        return sum(scale(n) for n in total[:part])
    return sorted(total, key=lambda n: -n) + [inner({rng.randrange(5)})]


'''


def _class(rng: random.Random, number: int) -> str:
    name = title(_name(rng, number))
    return f'''class {name}:
    """{rng.choice(_LINES)}

{_prose(rng, "    ", rng.randrange(1, 6))}    """

    KIND = {rng.choice(_NOUNS)!r}
    limits = {{"low": {rng.randrange(9)}, "high": {rng.randrange(99, 999)}}}

    def __init__(self, size: int = {rng.randrange(99)}) -> None:
        self.size = size
        self.rows: list[int] = []

    @property
    def total(self) -> int:
        """Return the sum, never more than the limit."""
        return min(sum(self.rows), self.limits["high"])

    @classmethod
    def of(cls, *values: int, **more: int) -> "{name}":
        made = cls(len(values) + len(more))
        made.rows.extend(v for v in (*values, *more.values()) if v % {rng.randrange(2, 9)} != 0)
        return made

    async def fetch(self, key: str = "[(", default: object = None) -> object:
        from acme.nowhere_{number} import late  # only when called

        async with late.connection(key) as connection:
            return await connection.get(key) or default


'''


def _data(rng: random.Random, number: int) -> str:
    rows = "".join(
        f'    {{"id": {rng.randrange(10**6)}, "name": "{rng.choice(_NOUNS)}-{rng.randrange(999)}",\n'
        f'     "tags": ["{rng.choice(_VERBS)}", "{rng.choice(_NOUNS)}"], "amount": {rng.randrange(10**5)}}},\n'
        for _ in range(rng.randrange(8, 50))
    )
    return f"{rng.choice(_NOUNS).upper()}_ROWS_{number} = [\n{rows}]\n\n\n"


def _text(rng: random.Random, number: int) -> str:
    return f"""{rng.choice(_NOUNS).upper()}_SOURCE_{number} = '''
import {rng.choice(_NOUNS)}_gone
def test_{rng.choice(_VERBS)}():
    assert True
{_prose(rng, "", rng.randrange(3, 20)).replace("'", "")}class Broken(:
'''


"""


def module_code(rng: random.Random, size: int) -> str:
    """Return definitions of about `size` characters; they use nothing that is not in them."""
    return _until(rng, size, (_function, _function, _class, _data, _text))


def test_code(rng: random.Random, size: int) -> str:
    """Return sound tests of about `size` characters; they need the names that `project.TEST_IMPORTS` brings."""
    return _until(rng, size, (_plain, _plain, _param, _test_class, _unittest, _async, _raises, _mock, _helper, _data))


test_code.__test__ = False  # type: ignore[attr-defined]  # no test, whatever its name


def _until(rng: random.Random, size: int, blocks: tuple[Callable[[random.Random, int], str], ...]) -> str:
    parts: list[str] = []
    length, number = 0, 0
    while length < size:
        number += 1
        # The first is always there: a file of tests has a test, however small it is.
        parts.append((rng.choice(blocks) if parts else blocks[0])(rng, number))
        length += len(parts[-1])
    return "".join(parts)


def _body(rng: random.Random, indent: str) -> str:
    noun = rng.choice(_NOUNS)
    lines = [f"{noun} = {{'id': {rng.randrange(999)}, 'parts': [{rng.randrange(9)}, {rng.randrange(9)}]}}"]
    for step in range(rng.randrange(2, 9)):
        lines += [
            f"step_{step} = [n * {rng.randrange(1, 9)} for n in {noun}['parts']]  # {rng.choice(_LINES)}",
            f"{noun}['sum_{step}'] = sum(step_{step}) + len('def test_{noun}(): pass')",
        ]
    return "".join(f"{indent}{line}\n" for line in lines) + f"{indent}result = {noun}\n"


def _plain(rng: random.Random, number: int) -> str:
    return f'''def test_{_name(rng, number)}(tmp_path):
    """{rng.choice(_LINES)}"""
{_body(rng, "    ")}    assert result["id"] >= 0, "assert True"
    assert sorted(result["parts"]) == sorted(result["parts"], reverse=False)


'''


def _param(rng: random.Random, number: int) -> str:
    return f"""@pytest.mark.parametrize(
    ("given", "expected"),
    [({rng.randrange(9)}, "("), ({rng.randrange(9, 99)}, ")"), pytest.param({rng.randrange(99, 199)}, ":", id="x")],
)
def test_{_name(rng, number)}(
    given,
    expected,
):
{_body(rng, "    ")}    for part in result["parts"]:
        if part:
            assert part < given + {rng.randrange(9, 99)}, expected


"""


def _test_class(rng: random.Random, number: int) -> str:
    return f'''class Test{title(_name(rng, number))}:
    """{rng.choice(_LINES)}"""

    rows = [{rng.randrange(9)}, {rng.randrange(9)}]

    @pytest.fixture(autouse=True)
    def prepared(self, monkeypatch):
        """Set up."""
        monkeypatch.setattr(self, "rows", [1, 2], raising=False)

    def helper(self, value):
        return value in self.rows

    def test_{_name(rng, 1)}(self):
{_body(rng, "        ")}        assert self.helper(1) or result

    def test_{_name(rng, 2)}(self):
{_body(rng, "        ")}        with pytest.raises((KeyError, IndexError)):
            result["none"]


'''


def _unittest(rng: random.Random, number: int) -> str:
    return f"""class {title(_name(rng, number))}Case(unittest.TestCase):
    def setUp(self):
        self.rows = [{rng.randrange(9)}, {rng.randrange(9)}]

    def test_{_name(rng, 1)}(self):
{_body(rng, "        ")}        self.assertEqual(len(self.rows), 2, result)

    def test_{_name(rng, 2)}(self):
{_body(rng, "        ")}        with self.assertRaises(KeyError):
            result["none"]


"""


def _async(rng: random.Random, number: int) -> str:
    return f'''async def test_{_name(rng, number)}():
    """{rng.choice(_LINES)}"""
{_body(rng, "    ")}    async def nested(value):
        await asyncio.sleep(0)
        return value

    assert await nested(result["id"]) == result["id"]


'''


def _raises(rng: random.Random, number: int) -> str:
    return f"""def test_{_name(rng, number)}():
{_body(rng, "    ")}    with pytest.raises(ValueError, match="invalid literal"):
        int(f"{{result}}")


"""


def _mock(rng: random.Random, number: int) -> str:
    return f"""def test_{_name(rng, number)}():
    called = mock.Mock()
{_body(rng, "    ")}    called(result["id"])
    called.assert_called_once_with(result["id"])


"""


def _helper(rng: random.Random, number: int) -> str:
    return f"""def test_{_name(rng, number)}():
{_body(rng, "    ")}    assert_rows(result["parts"], limit={rng.randrange(99, 999)})


"""
