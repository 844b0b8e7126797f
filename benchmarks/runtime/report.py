"""The results in Markdown, and their place in a page between two markers."""

from pathlib import Path

from benchmarks.runtime.errors import BenchmarkError
from benchmarks.runtime.plan import CONNECTIONS, Part, Payload
from benchmarks.runtime.results import Results
from benchmarks.runtime.rounds import Round
from benchmarks.runtime.targets import verdicts

BEGIN, END = "<!-- bench-runtime: begin -->", "<!-- bench-runtime: end -->"
_WORDS = {True: "yes", False: "**no**", None: ""}


def markdown(results: Results, context: list[str]) -> str:
    """Return all tables; `context`: sentences on machine, versions and duration."""
    blocks = ["\n".join(context), "### Targets", _targets(results)]
    for part in results.parts:
        blocks.append(f"### {part.title}")
        for payload in part.payloads:
            blocks += [f"{payload}:", _table(part, payload, results)]
    blocks += ["### Memory", _memory(results)]
    if results.failed:
        blocks += ["### Not measured", "\n".join(f"- {one}" for one in results.failed)]
    return "\n\n".join(blocks) + "\n"


def illustrated(text: str, picture: str | None) -> str:
    """Put a picture before the tables, if there is one; its path is relative to the page."""
    return text if picture is None else f"![Requests per second]({picture})\n\n{text}"


def write(path: Path, text: str) -> None:
    """Put the text into a page, between the markers if it has them, else as the whole page.

    Raises:
        BenchmarkError: one marker is missing.
    """
    page = path.read_text(encoding="utf-8") if path.exists() else ""
    if BEGIN in page or END in page:
        head, begin, rest = page.partition(BEGIN)
        _, end, tail = rest.partition(END)
        if not begin or not end:
            raise BenchmarkError(f"{path}: needs both markers, {BEGIN} and {END}")
        text = f"{head}{BEGIN}\n\n{text}\n{END}{tail}"
    path.write_text(text, encoding="utf-8")


def _targets(results: Results) -> str:
    rows = [[one.what, one.wanted, one.found, _WORDS[one.reached]] for one in verdicts(results)]
    return _markdown(["one row, JSON", "target", "measured", "reached"], rows)


def _table(part: Part, payload: Payload, results: Results) -> str:
    columns = ["server"]
    columns += [f"requests/s at {CONNECTIONS[0]}", *(f"at {one}" for one in CONNECTIONS[1:])]
    columns += [f"p50 / p99 ms at {CONNECTIONS[0]}", *(f"at {one}" for one in CONNECTIONS[1:])]
    columns += [f"CPU µs/request at {CONNECTIONS[0]}", *(f"at {one}" for one in CONNECTIONS[1:])]
    rows = []
    for contender in part.contenders:
        title = contender.title
        cells = [results.figures(part.title, payload, one, title) for one in CONNECTIONS]
        setting = results.settings.get((title, part.model))
        name = f"{title} ({setting})" if setting else title
        rates, times, cpu = map(_rate, cells), map(_times, cells), map(_cpu, cells)
        rows.append([name, *rates, *times, *cpu])
    return _markdown(columns, rows)


def _rate(cell: Round | None) -> str:
    return "-" if cell is None else f"{cell.rate:,.0f}"


def _times(cell: Round | None) -> str:
    return "-" if cell is None else f"{_ms(cell.p50)} / {_ms(cell.p99)}"


def _ms(seconds: float) -> str:
    digits = 2 if seconds < 0.01 else 1 if seconds < 0.1 else 0
    return f"{seconds * 1e3:,.{digits}f}"


def _cpu(cell: Round | None) -> str:
    return "-" if cell is None else " + ".join(f"{one * 1e6:,.0f}" for one in cell.cpu)


def _memory(results: Results) -> str:
    rows = [
        [title, model, f"{peak / 2**20:,.0f}"] for (title, model), peak in results.peaks.items()
    ]
    return _markdown(["server", "model", "peak MiB of all its processes"], rows)


def _markdown(columns: list[str], rows: list[list[str]]) -> str:
    marks = ["---", *("---:" for _ in columns[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in [columns, marks, *rows])
