"""Fills of winner maps, as different eyes see them."""

import itertools

import numpy as np
import pytest
from charts.style import STYLES, style_of
from matplotlib.colors import to_rgb


def test_an_unknown_strategy_has_a_fill_of_its_name_alone() -> None:
    assert style_of("x_new") == style_of("x_new")
    fills = {style_of(f"new_{number}").fill for number in range(40)}
    assert len(fills) > 1 and fills.isdisjoint(style.fill for style in STYLES.values())


# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
SIGHTS = {
    "normal": np.eye(3),
    "no red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "no green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def seen(colour: str, sight: str) -> np.ndarray:
    """CIE L*a*b* of the colour for these eyes."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(np.array(SIGHTS[sight]) @ linear, 0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHTS)
def test_fills_can_be_told_apart(sight: str) -> None:
    """A difference of 2 is just visible; 20 is seen at a glance."""
    for one, other in itertools.combinations(STYLES, 2):
        distance = np.linalg.norm(seen(STYLES[one].fill, sight) - seen(STYLES[other].fill, sight))
        assert distance > 20, (one, other)
