"""The styles of strategies in the words of plotly, the same as in the other charts."""

from charts.style import Style

DASHES = {"-": "solid", "--": "dash", ":": "dot", "-.": "dashdot"}
# Symbols of plotly and letters that look like matplotlib's markers.
SYMBOLS = {
    "o": ("circle", "●"), "s": ("square", "■"), "v": ("triangle-down", "▼"),
    "^": ("triangle-up", "▲"), "<": ("triangle-left", "◀"), ">": ("triangle-right", "▶"),
    "D": ("diamond", "◆"), "d": ("diamond-tall", "♦"), "P": ("cross", "✚"), "X": ("x", "✖"),
    "h": ("hexagon", "⬢"), "H": ("hexagon2", "⬣"), "8": ("octagon", "⯃"), "p": ("pentagon", "⬟"),
    "*": ("star", "★"),
}


def look_of(style: Style) -> dict[str, str]:
    symbol, glyph = SYMBOLS[style.marker]
    return {"colour": style.colour, "dash": DASHES[style.line], "symbol": symbol, "glyph": glyph,
            "fill": style.fill}
