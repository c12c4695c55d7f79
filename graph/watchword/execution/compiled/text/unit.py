"""The text of generated functions, with what each line is about and the objects that it refers to by name."""

from __future__ import annotations

import itertools
import linecache
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from watchword.execution.compiled.fields.decision import Decide, together
from watchword.execution.compiled.mark import Mark, Marks

# A parameter of every function: a builtin that is read for each object and most leaves, as a local variable.
QUICK = "T=type"

_numbers = itertools.count(1)


class Function:
    """One generated function. Decisions are lines that belong before the lines written since the last pause."""

    def __init__(self, head: str, constant: Callable[[str, Any], str]) -> None:
        """`constant` returns a name for an object."""
        self._constant = constant
        self.is_serial = head.startswith("async def root")
        self.name = head.partition("(")[0].split()[-1]
        self._lines: list[tuple[str, Mark | None]] = [(f"{head}:", None)]
        self._indent = 1
        self._decisions: list[str] = []
        self._asked: list[tuple[str, str, Decide]] = []
        self._known: set[str] = set()
        self._pause = (1, 1)

    def line(self, text: str, mark: Mark | None = None) -> None:
        """Write a line. An error in it belongs to the place of the mark."""
        self._lines.append(("    " * self._indent + text, mark))

    @contextmanager
    def block(self, head: str, mark: Mark | None = None) -> Iterator[None]:
        """Write a compound statement's head, and what the block writes inside of it."""
        self.line(f"{head}:", mark)
        self._indent += 1
        yield
        self._indent -= 1

    def decide(self, name: str, expression: str) -> str:
        """Return a variable that is set before the lines written since the last pause."""
        if name not in self._known:
            self._known.add(name)
            self._decisions.append(f"{name} = {expression}")
        return name

    def ask(self, name: str, expression: str, decide: Decide) -> str:
        """Do as `decide`, for an expression that asks a lasting decision. Several are asked together."""
        if name not in self._known:
            self._known.add(name)
            self._asked.append((name, expression, decide))
        return name

    def begin_here(self) -> None:
        """Write the waiting decisions here, inside the block that is being written."""
        self._pause = (len(self._lines), self._indent)

    def pause(self) -> None:
        """Forget the decisions made so far: the lines written from now on decide again."""
        at, indent = self._pause
        decided = [*self._answers(), *self._decisions]
        self._lines[at:at] = [("    " * indent + each, None) for each in decided]
        self._decisions, self._asked, self._known = [], [], set()
        self._pause = (len(self._lines), self._indent)

    def _answers(self) -> list[str]:
        lines = [f"{name} = {expression}" for name, expression, _ in self._asked]
        if len(lines) < 2:
            return lines
        names = " = ".join(name for name, _, _ in self._asked)
        are_open = self._constant("P", together([decide for _, _, decide in self._asked]))
        return [
            f"if {are_open}(X): {names} = True",
            "else:",
            *(f"    {line}" for line in lines),
        ]

    @property
    def lines(self) -> list[tuple[str, Mark | None]]:
        return self._lines


class _Source:
    """The loader of a frame's globals, which `linecache` asks for the text."""

    def __init__(self) -> None:
        self.text = ""

    def get_source(self, _name: str) -> str:
        return self.text


class Unit:
    """Some generated functions that are compiled together."""

    def __init__(self, label: str) -> None:
        # A debugger and a traceback find the text by this name. `linecache` skips names in angle brackets.
        self._filename = f"compiled {label[:60]} {next(_numbers)}"
        self._source = _Source()
        self.names: dict[str, Any] = {"__name__": self._filename, "__loader__": self._source}
        self._functions: list[Function] = []

    def constant(self, prefix: str, value: Any) -> str:
        """Return a name for an object. Generated text refers to objects by names and never holds them."""
        name = f"{prefix}{len(self.names)}"
        self.names[name] = value
        return name

    def function(self, head: str) -> Function:
        """Begin another function, such as `def name(arguments)`."""
        made = Function(head, self.constant)
        self._functions.append(made)
        return made

    def build(self, marks: Marks) -> None:
        """Compile the functions into `names`, and add the marks of their lines to `marks`."""
        lines: list[tuple[str, Mark | None]] = []
        for each in self._functions:
            each.pause()
            lines += each.lines
        self._source.text = "\n".join(text for text, _ in lines) + "\n"
        # Nothing that a client sent is in the text but names of the answer's fields, as Python writes texts.
        exec(compile(self._source.text, self._filename, "exec"), self.names)
        self._forget_text_afterwards()
        marks[self._filename] = {
            number: mark for number, (_, mark) in enumerate(lines, 1) if mark is not None
        }

    def _forget_text_afterwards(self) -> None:
        """Remove the text from `linecache` with the functions: it keeps what a traceback has shown for ever."""
        made = self.names[self._functions[0].name]
        weakref.finalize(made, linecache.cache.pop, self._filename, None).atexit = False
