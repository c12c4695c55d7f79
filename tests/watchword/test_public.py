"""`watchword` gives the public names, and nothing else."""

from __future__ import annotations

import ast
import inspect

import pytest

import watchword
from watchword import public


def test_each_public_name_is_a_name_of_the_package() -> None:
    assert {name: getattr(watchword, name) for name in watchword.__all__} == {
        name: getattr(public, name) for name in public.__all__
    }


def test_what_is_imported_is_public() -> None:
    tree = ast.walk(ast.parse(inspect.getsource(public)))
    imports = [each for each in tree if isinstance(each, ast.ImportFrom)]
    ours = [each for each in imports if str(each.module).startswith("watchword.")]
    names = {name.asname or name.name for each in ours for name in each.names}
    assert names == {*public.__all__}


@pytest.mark.parametrize("name", ["nothing", "__wrapped__"])
def test_no_other_name_is_there(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module 'watchword' has no attribute '{name}'"):
        getattr(watchword, name)
