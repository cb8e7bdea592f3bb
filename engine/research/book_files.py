"""Rule books by what people call them: files, folders, the book that runs, the books that a journal has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.config.text_file import NotText, read_text
from engine.errors import ConfigError
from engine.rules import Book, Catalogue, Diagnostic, RuleBookError, Source, compile_book

RUNNING: Final = "running"
"""The book that was in force last."""
JOURNAL: Final = "journal"
"""At each moment the book that was in force then."""


@dataclass(frozen=True, slots=True)
class Named:
    """A book and what it is, in words. `book` is None for the one in force at each moment."""

    words: str
    book: Book | None

    @property
    def windows(self) -> tuple[int, ...]:
        return self.book.windows() if self.book is not None else ()


def books(names: Sequence[str], running: Callable[[], Book], known: Catalogue) -> list[Named]:
    """The books of these names. Raises RuleBookError with the mistakes of all of them, ConfigError for no files."""
    found: list[Named] = []
    wrong: list[Diagnostic] = []
    for name in names:
        try:
            found.append(_book(name, running, known))
        except RuleBookError as error:
            wrong += [each for each in error.diagnostics if each not in wrong]
    if wrong:
        raise RuleBookError(tuple(wrong))
    return found


def _book(name: str, running: Callable[[], Book], known: Catalogue) -> Named:
    if name == JOURNAL:
        return Named("the book in force at each moment", None)
    if name == RUNNING:
        return Named("the running book", running())
    path = Path(name)
    if path.is_dir():
        paths = sorted(path.glob("*.rules"))
        if not paths:
            raise ConfigError(f"{path} has no *.rules file")
        return Named(str(path), _compiled([(each, _text(each)) for each in paths], [], known))
    return laid_over([path], running, known)


def laid_over(paths: Sequence[Path], running: Callable[[], Book], known: Catalogue) -> Named:
    """The running book with these files in the place of those of their names, or beside them.

    A file that is a whole book is one by itself. Raises RuleBookError, ConfigError.
    """
    files = [(path, _text(path)) for path in paths]
    names = {path.name for path, _ in files}
    rest = [each for each in running().texts if each.name not in names]
    shown = ", ".join(map(str, paths))
    if len(files) == 1 and len(rest) == len(running().texts):
        try:
            return Named(f"{shown}, a book by itself", _compiled(files, [], known))
        except RuleBookError:
            pass  # Then it is a part of one: its mistakes are those that it makes there.
    return Named(f"the running book with {shown}", _compiled(files, rest, known))


def _compiled(files: Sequence[tuple[Path, str]], rest: Sequence[Source], known: Catalogue) -> Book:
    """In the order of the names of all files, as a folder of them would be read."""

    def sources(name: Callable[[Path], str]) -> list[Source]:
        given = [(path.name, Source(name(path), text)) for path, text in files]
        return [each for _, each in sorted([*given, *((each.name, each) for each in rest)], key=lambda each: each[0])]

    compile_book(sources(str), known)  # Mistakes are told with the paths of their files.
    return compile_book(sources(lambda path: path.name), known)


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except NotText as error:
        raise ConfigError(f"{path}: {error}") from error
