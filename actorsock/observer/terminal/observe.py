"""`actorsock observe`: the observed programs of this user, and one of them in a terminal.

Textual runs on asyncio, so this is a program of its own, and asks as the page does.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import DataTable, Footer, Input, Static

from .asking import NoAnswer, Program
from .texts import COLUMNS, cells, findings, summary

__all__ = ["Observe"]

_SORTS = {"r": "reductions", "q": "queue", "n": "name", "a": "age", "t": "total"}

_ROWS = 100


class Observe(App[str]):
    """The processes of one program; beside them what is known of the chosen one."""

    CSS = """
    #summary { height: auto; max-height: 6; }
    #word { display: none; }
    #word.shown { display: block; }
    #list { width: 2fr; }
    #details { width: 1fr; border-left: solid $primary; padding: 0 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"sort('{word}')", word) for key, word in _SORTS.items()),
        Binding("slash", "filter", "filter"),
        Binding("w", "waits", "who waits"),
        Binding("escape", "leave", "leave the filter", show=False),
        Binding("ctrl+c,x", "quit", "quit"),
    ]

    def __init__(self, program: Program, seconds: float = 1.0) -> None:
        super().__init__()
        self.program = program
        self.seconds = seconds
        self.order = "reductions"
        self.word = ""
        self.shows_waits = False

    def compose(self) -> ComposeResult:
        yield Static(id="summary", markup=False)
        yield Input(id="word", placeholder="name, function, label or pid")
        with Horizontal():
            table: DataTable[str] = DataTable(id="list", cursor_type="row", zebra_stripes=True)
            yield table
            with VerticalScroll(id="details"):
                yield Static(id="one", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        table: DataTable[str] = self.query_one("#list", DataTable)
        for title in COLUMNS:
            table.add_column(title, key=title)
        table.focus()
        self.look()
        self.set_interval(self.seconds, self.look)

    @work(exclusive=True, thread=True)
    def look(self) -> None:
        """Ask, in a thread, and show the answers."""
        try:
            system = self.program.ask("system")
            found = self.program.ask(
                "processes", sort=self.order, count=_ROWS, word=self.word, down=self._down()
            )
            waits = self.program.ask("waits") if self.shows_waits else None
        except NoAnswer as exc:
            self._hand_over(self.exit, str(exc))
            return
        self._hand_over(self._show, system, found, waits)

    def _hand_over(self, show: Callable[..., None], *found: Any) -> None:
        """Call `show` in the program's own thread, unless the program has begun to end."""

        def shown() -> None:
            # A program that ends removes its widgets while a thread may still wait for an answer.
            if self.is_running:
                show(*found)

        self.call_from_thread(shown)

    def _down(self) -> int:
        return int(self.order != "name")

    def _show(self, system: Any, found: Any, waits: Any) -> None:
        self.query_one("#summary", Static).update("\n".join([summary(system), *findings(system)]))
        table: DataTable[str] = self.query_one("#list", DataTable)
        chosen = self.chosen()
        table.clear()
        for row in found["rows"]:
            table.add_row(*cells(row), key=row["pid"])
        if chosen in table.rows:
            table.move_cursor(row=table.get_row_index(chosen), animate=False)
        if waits is not None:
            self._show_one(_waits(waits))
        else:
            self.look_at(self.chosen())

    def chosen(self) -> str:
        """Return the pid in the chosen row; an empty text if there is no row."""
        table: DataTable[str] = self.query_one("#list", DataTable)
        if not table.row_count:
            return ""
        key = table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value
        return key or ""

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        if not self.shows_waits and event.row_key.value:
            self.look_at(event.row_key.value)

    @work(exclusive=True, thread=True, group="one")
    def look_at(self, pid: str) -> None:
        """Show one process."""
        if not pid:
            return
        try:
            one = self.program.ask("process", pid=pid)
        except NoAnswer:
            return  # `look` says so
        self._hand_over(self._show_one, _one(one))

    def _show_one(self, text: str) -> None:
        self.query_one("#one", Static).update(text)

    def on_input_changed(self, event: Input.Changed) -> None:
        self.word = event.value
        self.look()

    def on_input_submitted(self) -> None:
        self.query_one("#list").focus()

    def action_sort(self, word: str) -> None:
        self.order = word
        self.look()

    def action_filter(self) -> None:
        word = self.query_one("#word")
        word.add_class("shown")
        word.focus()

    def action_waits(self) -> None:
        self.shows_waits = not self.shows_waits
        self.look()

    def action_leave(self) -> None:
        word = self.query_one("#word", Input)
        word.value = ""
        word.remove_class("shown")
        self.query_one("#list").focus()


def _one(one: dict[str, Any]) -> str:
    if one.get("ended"):
        return f"{one['pid']}\nIt has ended."
    hidden = ("stack", "control", "task")
    lines = [
        f"{name}: {', '.join(map(_text, value)) if isinstance(value, list) else value}"
        for name, value in one.items()
        if name not in hidden and value not in (None, [], False)
    ]
    stack = [
        f"{'  ' if entry['library'] else '> '}{entry['module']}:{entry['function']}:{entry['line']}"
        for entry in one["stack"]
    ]
    return "\n".join([*lines, "", *stack])


def _text(value: Any) -> str:
    return " ".join(map(str, value.values())) if isinstance(value, dict) else str(value)


def _waits(waits: dict[str, Any]) -> str:
    circles = [
        f"{' → '.join([*circle, circle[0]])}: only a time-out can end that"
        for circle in waits["circles"]
    ]
    edges = [f"{edge['pid']} {edge['name']}: {edge['waits']}" for edge in waits["edges"]]
    return "\n".join([*circles, "", *edges]) if edges else "No process waits for another one."
