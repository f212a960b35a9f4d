"""Classes whose attributes do not change: what they refuse, and that copies are equal."""

import copy
import pickle

import pytest

from mmscodec.frozen import Frozen, replace
from mmscodec.schema.fields import Field, Rule
from mmscodec.schema.mms import BY_NAME


class Point(Frozen):
    """Two numbers and a word."""

    x: int
    y: int = 2
    word: str = ""


class Named(Point):
    """And a name."""

    name: str = "n"


def test_values_stand_in_the_order_of_the_class():
    point = Named(1, word="w")
    assert (point.x, point.y, point.word, point.name) == (1, 2, "w", "n")
    assert repr(point) == "Named(x=1, y=2, word='w', name='n')"
    assert replace(point, y=5) == Named(1, 5, "w")
    assert point != Point(1, word="w")


@pytest.mark.parametrize(
    ("values", "named"),
    [((), {}), ((1, 2, "", 4), {}), ((1,), {"x": 1}), ((1,), {"z": 1}), ((), {"z": 1})],
)
def test_other_names_and_counts_are_refused(values, named):
    with pytest.raises(TypeError, match="Point takes x, y, word"):
        Point(*values, **named)


def test_nothing_changes():
    point = Point(1)
    with pytest.raises(AttributeError, match="does not change: x"):
        point.x = 2
    with pytest.raises(AttributeError, match="does not change: x"):
        del point.x
    with pytest.raises(TypeError, match="takes"):
        replace(point, z=1)
    assert point.x == 1


def test_copies_are_equal():
    for thing in (Point(1), Rule("must", 5), Field("a", "u8"), BY_NAME["LinkMacToViewerPing"]):
        for other in (copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))):
            assert other == thing
            assert hash(other) == hash(thing)
            assert other is not thing
