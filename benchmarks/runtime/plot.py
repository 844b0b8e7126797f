"""The main table as a picture: bars of requests per second, as SVG."""

from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from benchmarks.runtime.plan import CONNECTIONS, MAIN, OURS, ROUTED, Payload
from benchmarks.runtime.results import Results

_WIDTH, _LABELS, _VALUES, _MARGIN = 760, 190, 80, 16
_BAR, _STEP, _TITLE = 14, 20, 34
_OWN, _OTHER, _INK, _PAPER = "#1f6f8b", "#b7bfc6", "#20262b", "#ffffff"
_FONT = "system-ui, sans-serif"


def draw(results: Results, caption: str, path: Path) -> None:
    """Write the picture of one row in JSON; `caption`: the machine."""
    contenders = [one for part in results.parts if part.title == MAIN for one in part.contenders]
    panels = []
    for connections in CONNECTIONS:
        cells = {
            one.title: results.figures(MAIN, Payload("JSON", 1), connections, one.title)
            for one in contenders
        }
        rates = [(title, found.rate) for title, found in cells.items() if found is not None]
        panels.append((f"{connections} connection{'' if connections == 1 else 's'}", rates))
    ElementTree(_picture(panels, caption)).write(path, encoding="utf-8", xml_declaration=False)
    with path.open("a", encoding="utf-8") as file:
        file.write("\n")


def _picture(panels: list[tuple[str, list[tuple[str, float]]]], caption: str) -> Element:
    height = 2 * _MARGIN + 40 + sum(_TITLE + _STEP * len(rates) for _, rates in panels)
    size = {"width": str(_WIDTH), "height": str(height), "viewBox": f"0 0 {_WIDTH} {height}"}
    picture = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", **size})
    SubElement(picture, "title").text = "Requests per second, one row in JSON, one core"
    SubElement(picture, "rect", {"width": "100%", "height": "100%", "fill": _PAPER})
    _text(picture, (_MARGIN, _MARGIN + 12), "Requests per second, one row in JSON, one core", 15)
    most = max((rate for _, rates in panels for _, rate in rates), default=1.0)
    top = _MARGIN + 20
    for title, rates in panels:
        _text(picture, (_MARGIN, top + 22), title, 13)
        top += _TITLE
        for name, rate in rates:
            _bar(picture, top, name, rate, most)
            top += _STEP
    _text(picture, (_MARGIN, height - _MARGIN), caption, 11)
    indent(picture)
    return picture


def _bar(picture: Element, top: int, name: str, rate: float, most: float) -> None:
    length = (_WIDTH - _LABELS - _VALUES - 2 * _MARGIN) * rate / most
    left, middle = _MARGIN + _LABELS, top + _BAR - 3
    color = _OWN if name in {OURS, ROUTED} else _OTHER
    place = {"x": str(left), "y": str(top), "width": f"{max(length, 1):.1f}", "height": str(_BAR)}
    SubElement(picture, "rect", {**place, "fill": color})
    _text(picture, (left - 8, middle), name, 12, anchor="end")
    _text(picture, (left + length + 6, middle), f"{rate:,.0f}", 12)


def _text(
    picture: Element, place: tuple[float, float], text: str, size: int, *, anchor: str = "start"
) -> None:
    where = {"x": f"{place[0]:.1f}", "y": f"{place[1]:.1f}", "text-anchor": anchor}
    look = {"font-family": _FONT, "font-size": str(size), "fill": _INK}
    SubElement(picture, "text", {**where, **look}).text = text
