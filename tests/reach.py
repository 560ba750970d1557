"""Which tests have to do with widgets: those that must pass under every supported ipywidgets."""

import types
from pathlib import Path

TESTS = Path(__file__).parent
OURS, THEIRS = "sslkit.widgets", "ipywidgets"


def concerns_widgets(item):
    """Whether a test, its parameters or its fixtures reach something of the widgets.

    item: a test as pytest collected it. What counts is what its function names, and the functions
    of the tests that these name in turn; the package's own code is not followed.
    """
    starts = [item.function, *getattr(getattr(item, "callspec", None), "params", {}).values()]
    for definitions in item._fixtureinfo.name2fixturedefs.values():
        starts += [definition.func for definition in definitions]
    seen = set()
    return any(reaches(start, seen) for start in starts)


def reaches(value, seen):
    if id(value) in seen:
        return False
    seen.add(id(value))
    if of_widgets(getattr(value, "__name__", "")) and isinstance(value, types.ModuleType):
        return True
    if of_widgets(getattr(value, "__module__", None) or ""):       # a class, a function, an instance
        return True
    if isinstance(value, dict):
        return any(reaches(part, seen) for pair in value.items() for part in pair)
    if isinstance(value, (list, tuple, set)):
        return any(reaches(part, seen) for part in value)
    if isinstance(value, type):
        return any(reaches(part, seen) for part in vars(value).values())
    if isinstance(value, types.FunctionType) and in_tests(value):
        return any(reaches_from(code, value.__globals__, seen) for code in codes(value.__code__))
    return False


def reaches_from(code, around, seen):
    """Whether a piece of code names something of the widgets, or a function that does."""
    return any(of_widgets(name) or name in around and reaches(around[name], seen)
               for name in code.co_names)


def codes(code):
    """A code object and those of the functions and lambdas in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)


def of_widgets(name):
    return isinstance(name, str) and any(name == top or name.startswith(f"{top}.")
                                         for top in (OURS, THEIRS))


def in_tests(function):
    return TESTS in Path(function.__code__.co_filename).parents
