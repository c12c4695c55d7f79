"""The parts of SQLAlchemy that no documentation promises are still there, and still do what is relied on."""

from __future__ import annotations

from sqlalchemy import Column, Integer, MetaData, Table, bindparam, select

from watchword.libraries.sqlalchemy_parts import shape

TOYS = Table("toys", MetaData(), Column("id", Integer), Column("size", Integer))


def test_statements_that_differ_in_values_have_one_shape_and_the_values_in_one_order() -> None:
    first = shape(select(TOYS.c.id).where(TOYS.c.size > 1, TOYS.c.id.in_([2, 3])).limit(4))
    second = shape(select(TOYS.c.id).where(TOYS.c.size > 5, TOYS.c.id.in_([6])).limit(7))
    assert first is not None
    assert second is not None
    assert first[0] == second[0]
    assert hash(first[0]) == hash(second[0])
    assert [each.effective_value for each in first[1]] == [1, [2, 3], 4]
    assert [each.effective_value for each in second[1]] == [5, [6], 7]


def test_statements_that_differ_in_anything_else_have_different_shapes() -> None:
    shapes = [
        shape(select(TOYS.c.id)),
        shape(select(TOYS.c.size)),
        shape(select(TOYS.c.id).where(TOYS.c.size > 1)),
        shape(select(TOYS.c.id).where(TOYS.c.size < 1)),
        shape(select(TOYS.c.id).where(TOYS.c.size > bindparam("least"))),
    ]
    assert len({found and found[0] for found in shapes}) == len(shapes)
