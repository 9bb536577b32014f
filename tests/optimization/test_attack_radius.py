"""What `eps` may be, and which radius it is."""

import pytest

from inputgrad_cli.errors import UsageError
from inputgrad_cli.optimization.attack_radius import RadiusGoal, parse_radii, parse_step
from inputgrad_cli.optimization.goals import goals

ATTACKS = [cls for cls in goals if issubclass(cls, RadiusGoal)]
PIXELS, PLAIN = 255.0, 1.0


def lengths(text, unit):
    return [radius.length for radius in goals.build(text).choose_radii(unit)]


def test_radii_are_numbers_and_fractions():
    assert parse_radii("8/255", "eps") == (8 / 255,)
    assert parse_radii("0.5", "eps") == parse_radii(".5", "eps") == parse_radii("5e-1", "eps")
    assert parse_radii("4/255; 1/255;2/255;4/255", "eps") == (1 / 255, 2 / 255, 4 / 255)


@pytest.mark.parametrize(
    "text", ["", "a", "-1", "1/0", "1;;2", "nan", "inf", "1/2/3", "1e999", "0x1"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(UsageError, match="eps must be a number or a fraction") as caught:
        parse_radii(text, "eps")
    assert "eps=8/255" in caught.value.hint
    assert caught.value.received == text


def test_the_expression_is_named_where_its_radius_is_wrong():
    with pytest.raises(UsageError, match="eps must be") as caught:
        goals.build("pgd:eps=much")
    assert caught.value.received == "much"


@pytest.mark.parametrize("text", ["0", "1/255;2/255"])
def test_a_step_has_one_length(text):
    with pytest.raises(UsageError, match="one length above 0"):
        parse_step(text)
    with pytest.raises(UsageError):
        goals.build(f"pgd:step={text}")


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda cls: cls.name)
def test_pictures_have_a_radius_of_8_levels_and_arrays_have_none(attack):
    assert lengths(attack.name, PIXELS) == [8.0]
    assert lengths(f"{attack.name}:norm=2", PIXELS) == [127.5]
    with pytest.raises(UsageError, match="not pictures") as caught:
        attack().choose_radii(PLAIN)
    assert f"{attack.name}:eps=0.1" in caught.value.hint


def test_levels_are_whole_and_the_note_says_so():
    (radius,) = goals.build("pgd:eps=0.03").choose_radii(PIXELS)
    assert radius.length == 7.0
    assert radius.share == 7 / 255
    assert radius.eps == 0.03
    assert "7.65" in radius.note
    assert "7 are used" in radius.note
    for levels in range(1, 255):
        (radius,) = goals.build(f"pgd:eps={levels}/255").choose_radii(PIXELS)
        assert (radius.length, radius.note) == (levels, "")


def test_a_euclidean_radius_need_not_be_whole():
    assert lengths("pgd:norm=2,eps=0.03", PIXELS) == [pytest.approx(7.65)]


@pytest.mark.parametrize(("eps", "hint"), [("8", "write 8/255 for 8 levels"), ("1", "1/255")])
def test_the_range_of_a_pixel_is_refused(eps, hint):
    with pytest.raises(UsageError, match="whole range") as caught:
        lengths(f"pgd:eps={eps}", PIXELS)
    assert hint in caught.value.hint


@pytest.mark.parametrize("eps", ["0", "0.5/255", "0.003"])
def test_less_than_one_level_is_refused(eps):
    with pytest.raises(UsageError, match="less than one of the 255 levels"):
        lengths(f"pgd:eps={eps}", PIXELS)


def test_arrays_have_radii_in_their_own_units():
    assert lengths("pgd:eps=300;0;2.5", PLAIN) == [0.0, 2.5, 300.0]
