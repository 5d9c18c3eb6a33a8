"""Fills of winner maps, as different eyes see them, and on grey paper."""

import itertools

import numpy as np
import pytest
from charts.style import STYLES, style_of
from matplotlib.colors import to_rgb


def test_an_unknown_strategy_has_a_look_of_its_name_alone() -> None:
    assert style_of("x_new") == style_of("x_new")
    looks = {style_of(f"new_{number}") for number in range(40)}
    assert len(looks) > 1 and looks.isdisjoint(STYLES.values())


def test_a_fill_is_the_colour_of_the_line_or_paler() -> None:
    for style in STYLES.values():
        colour, fill = np.array(to_rgb(style.colour)), np.array(to_rgb(style.fill))
        share = (1 - fill).max() / (1 - colour).max()
        assert share <= 1 and np.allclose(1 - fill, share * (1 - colour), atol=0.01)


# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB; grey paper keeps the luminance.
LUMINANCE = [0.2126, 0.7152, 0.0722]
SIGHTS = {
    "normal": np.eye(3),
    "no red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "no green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "grey": [LUMINANCE] * 3,
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], LUMINANCE, [0.0193, 0.1192, 0.9505]])


def seen(colour: str, sight: str) -> np.ndarray:
    """CIE L*a*b* of the colour for these eyes."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(np.array(SIGHTS[sight]) @ linear, 0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHTS)
def test_cells_with_the_same_mark_can_be_told_apart(sight: str) -> None:
    """A difference of 2 is just visible; 10 is seen at a glance."""
    for one, other in itertools.combinations(STYLES.values(), 2):
        if one.marker == other.marker:
            distance = np.linalg.norm(seen(one.fill, sight) - seen(other.fill, sight))
            assert distance > 10, (one, other)
