"""The mistakes that are put into a module, and the parts of it that are left alone."""

from pathlib import Path
from textwrap import dedent

import pytest

from .chosen import CHOSEN
from .mutants import mutants_of

TOP = Path(__file__).parents[2]


def changes(source: str) -> list[str]:
    """The mutants of the module with this text, as lines before and after."""
    return [f"{each.before} => {each.after}" for each in mutants_of("some.py", dedent(source))]


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("return a < b", "return a <= b"),
        ("return a is b", "return a is not b"),
        ("return a and b", "return a or b"),
        ("return a and b", "return b"),
        ("return a + b", "return a - b"),
        ("a -= b", "a += b"),
        ("return not a", "return a"),
        ("return 1", "return 2"),
        ("return False", "return True"),
        ("return 'closed'", "return ''"),
        ("return a", "return None"),
        ("return", "pass"),
        ("a.append(b)", "pass"),
        ("a = b", "pass"),
        ("raise a", "pass"),
        ("a(b)", "a(None)"),
        ("a(b, c=1)", "a(b)"),
        ("if a: b()", "if True:"),
        ("if a: b()", "if False:"),
        ("while a: b()", "while False:"),
        ("for a in b: break", "continue"),
        ("return [a for a in b if a]", "return [a for a in b]"),
    ],
    ids=str,
)
def test_each_kind_of_mistake(line: str, after: str) -> None:
    found = changes(f"def f(a, b):\n    {line}")
    assert after in [each.partition(" => ")[2] for each in found]


def test_a_case_that_is_left_out() -> None:
    found = changes(
        """
        def f(a):
            match a:
                case 1:
                    b()
                case _:
                    c()
        """
    )
    assert "match a: => match a: without case 1:" in found


def test_text_types_and_imports_are_left_alone() -> None:
    source = '''
        """A module."""
        import a
        __all__ = ["b"]
        class P(Protocol):
            x: int = 1
        def f(a: "b") -> "c":
            """A function."""
            assert a == 1
        '''
    assert changes(source) == []


def test_a_mutant_compiles_to_its_mistake() -> None:
    source = "def f(a, b):\n    return a + b\n"
    minus = next(each for each in mutants_of("some.py", source) if "-" in each.after)
    namespace: dict[str, object] = {}
    exec(minus.code(source), namespace)
    assert namespace["f"](3, 1) == 2  # type: ignore[operator]


@pytest.mark.parametrize("module", CHOSEN)
def test_modules_and_the_tests_chosen_for_them_exist(module: str) -> None:
    assert (TOP / module).is_file()
    for suite in CHOSEN[module]:
        assert suite.paths(TOP)
