"""Why pytest cannot import a test file: each kind of cause, explained.

An example is one file, or several: a line `# ---- path` starts each.
"""

from __future__ import annotations

from types import MappingProxyType

from test_framework.audit.rules.rule import Rule, make_explanation

_ALL = (
    make_explanation(
        "syntax-error",
        "A file that Python cannot parse",
        "pytest cannot import the file, nor any other that imports it. `except ImportError` around the import "
        "does not help: SyntaxError is no ImportError. It cannot be accepted, only mended, or left out by "
        "`exclude` in the settings.",
        """
        # ---- helpers.py
        def total(items:
            return sum(items)
        # ---- test_total.py
        from helpers import total
        def test_total():
            assert total([1, 2]) == 3
        """,
        """
        # ---- helpers.py
        def total(items):
            return sum(items)
        # ---- test_total.py
        from helpers import total
        def test_total():
            assert total([1, 2]) == 3
        """,
    ),
    make_explanation(
        "missing-module",
        "An import of a module that is not there",
        "The package is there, the module in it is not: renamed, moved or never written. Where a test can do "
        'without, say so with `pytest.importorskip("name", reason="…")` or `try` and `except ImportError`.',
        """
        import json.encoders
        def test_encode():
            assert json.encoders
        """,
        """
        try:
            import json.encoders as encoders
        except ImportError:
            import json.encoder as encoders
        def test_encode():
            assert encoders.JSONEncoder
        """,
    ),
    make_explanation(
        "missing-name",
        "An import of a name that its module does not have",
        "Renamed, moved or removed. What a module makes while it is imported counts as there: star imports, "
        "`__getattr__`, `globals()[…]`. Where either name is right, use `try` and `except ImportError`.",
        """
        from json import encode
        def test_encode():
            assert encode
        """,
        """
        from json import dumps
        def test_encode():
            assert dumps([]) == "[]"
        """,
    ),
    make_explanation(
        "undefined-name",
        "A name that is used at import and is defined nowhere",
        "At module level, in the body of a class, a decorator or a default: Python raises NameError while pytest "
        "imports the file. Names in the bodies of functions are not judged, nor those under `TYPE_CHECKING`.",
        """
        @pytest.mark.smoke
        def test_start():
            assert 1 + 1 == 2
        """,
        """
        import pytest
        @pytest.mark.smoke
        def test_start():
            assert 1 + 1 == 2
        """,
    ),
    make_explanation(
        "missing-dependency",
        "An import of a package that is neither declared nor installed",
        "No folder of the project and none of the interpreter has it. `--installed` asks what is installed, "
        "`--declared` what the project declares, `packages` in the settings which of the two is asked by itself, "
        "`--python` another interpreter. Where a test can do without, say so with "
        '`pytest.importorskip("name", reason="…")`.',
        """
        import package_that_nobody_has
        def test_start():
            assert package_that_nobody_has.start()
        """,
        """
        import pytest
        package = pytest.importorskip("package_that_nobody_has", reason="an extra")
        def test_start():
            assert package.start()
        """,
    ),
    make_explanation(
        "relative-import",
        "A relative import that leaves the package",
        "It has more dots than there are packages around the file, or the file is in none: a missing "
        "`__init__.py`, or a file that was moved.",
        """
        from .helpers import total
        def test_total():
            assert total([1, 2]) == 3
        """,
        """
        # ---- helpers.py
        def total(items):
            return sum(items)
        # ---- test_total.py
        from helpers import total
        def test_total():
            assert total([1, 2]) == 3
        """,
    ),
    make_explanation(
        "import-circle",
        "Modules that import one another before they are ready",
        "Each needs a name of the other while it is being imported itself. An import inside a function, or of the "
        "module rather than of the name, takes the circle apart.",
        """
        # ---- cart.py
        from prices import price
        def cart():
            return [price()]
        # ---- prices.py
        from cart import cart
        def price():
            return len(cart())
        # ---- test_cart.py
        import cart
        def test_cart():
            assert cart.cart()
        """,
        """
        # ---- cart.py
        from prices import price
        def cart():
            return [price()]
        # ---- prices.py
        def price():
            from cart import cart
            return len(cart())
        # ---- test_cart.py
        import cart
        def test_cart():
            assert cart.cart
        """,
    ),
    make_explanation(
        "name-clash",
        "Two test files that have one module name",
        "pytest imports the second and finds the first (`import file mismatch`). Packages (`__init__.py`), other "
        "names, or `--import-mode=importlib` tell them apart.",
        """
        # ---- a/test_start.py
        def test_start():
            assert 1 + 1 == 2
        # ---- b/test_start.py
        def test_start():
            assert 1 + 2 == 3
        """,
        """
        # ---- a/test_start.py
        def test_start():
            assert 1 + 1 == 2
        # ---- b/test_stop.py
        def test_stop():
            assert 1 + 2 == 3
        """,
    ),
    make_explanation(
        "raises",
        "A file that raises while it is imported",
        "A `raise` at module level is reached whatever happens. A file that cannot run here skips itself instead: "
        '`pytest.skip("why", allow_module_level=True)`.',
        """
        raise RuntimeError("not on this machine")
        """,
        """
        import pytest
        pytest.skip("not on this machine", allow_module_level=True)
        """,
    ),
)

CAUSES: MappingProxyType[str, Rule] = MappingProxyType({rule.id: rule for rule in _ALL})
"""Every kind of cause, by its id."""
