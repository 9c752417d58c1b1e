"""What a patch relies on, in a form that can be tried: a sentence, and whether it still holds."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import cache
from types import CodeType
from typing import Any

Promises = Mapping[str, Callable[[Any], bool | Awaitable[bool]]]
"""What is wrong where a promise is broken, and the trial of it on a page.

A trial returns True where the promise holds; an error is as good as False.
"""


def mentions(function: Any, *words: str) -> bool:
    """Whether the code of a function, with those inside it, has all these names or texts."""
    return _all_words(inspect.unwrap(function).__code__).issuperset(words)


@cache
def _all_words(code: CodeType) -> frozenset[str]:
    return frozenset(_words(code))


def _words(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _words(constant)
        elif isinstance(constant, str):
            yield constant
        elif isinstance(constant, tuple):  # the names of arguments, among others
            yield from (one for one in constant if isinstance(one, str))
