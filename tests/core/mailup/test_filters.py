"""filterby and orderby values."""

import pytest

from blocks.mailup.pages.filters import can_filter, equals, filterby, orderby


def test_the_documented_form_is_built() -> None:
    """Values are wrapped in double quotes, literals in single ones, numbers bare."""
    assert filterby(equals("Email", "a+b@c.it")) == {"filterby": "\"Email=='a+b@c.it'\""}
    assert filterby(equals("IdList", 7)) == {"filterby": '"IdList==7"'}
    assert orderby("Optout_Date", descending=True) == {"orderby": '"Optout_Date desc"'}
    assert orderby("Id") == {"orderby": '"Id asc"'}


@pytest.mark.parametrize("value", ["o'brien@a.it", 'a"b', "a\\b", "a\nb", "a\0b"])
def test_a_value_that_could_break_out_is_refused(value: str) -> None:
    """A value that cannot be escaped is refused, and not quoted in the message."""
    assert not can_filter(value)
    with pytest.raises(ValueError, match="must not contain quotes") as caught:
        equals("Email", value)
    assert value not in str(caught.value)


def test_a_field_name_is_a_name() -> None:
    """No expression gets in through the name of a field."""
    with pytest.raises(ValueError, match="name of a field"):
        orderby("Id asc;Email")
