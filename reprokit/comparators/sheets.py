"""Spreadsheets in xlsx and ods: the values of cells. Formats, styles and dates of saving say
nothing; of a formula it is the stored result that counts."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from reprokit.comparators.leaves import compare_leaves
from reprokit.comparators.markup import parse
from reprokit.comparators.protocol import Settings, Unreadable, reading, small_enough
from reprokit.comparators.tally import Tally, number
from reprokit.verdict import Finding

_REPEATED = 1_000
"""Times that ods may repeat a cell with content; empty ones are repeated to the sheet's end."""
_ADDRESS = re.compile(r"[A-Z]{1,3}[0-9]{1,7}")
Cells = dict[str, object]


class Xlsx:
    """Excel workbooks, without their macros."""

    name = "spreadsheet (xlsx)"

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        return 70 if path.suffix in (".xlsx", ".xlsm") and first.startswith(b"PK") else 0

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        return _compared(expected, actual, settings, _xlsx)


class Ods:
    """OpenDocument spreadsheets."""

    name = "spreadsheet (ods)"

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        return 70 if path.suffix == ".ods" and first.startswith(b"PK") else 0

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        return _compared(expected, actual, settings, _ods)


def _compared(
    expected: Path,
    actual: Path,
    settings: Settings,
    read: Callable[[zipfile.ZipFile, Settings], Cells],
) -> Finding:
    small_enough(settings.limits.document, expected, actual)
    with reading(), zipfile.ZipFile(expected) as old, zipfile.ZipFile(actual) as new:
        left, right = read(old, settings), read(new, settings)
    tally = Tally(settings, unit="cell")
    compare_leaves(left, right, tally)
    return tally.finding()


class _Metered:
    """A member that counts what it unpacks to."""

    def __init__(self, stream: IO[bytes], settings: Settings) -> None:
        self._stream, self._budget = stream, settings.budget

    def read(self, count: int) -> bytes:
        chunk = self._stream.read(count)
        self._budget.take(len(chunk))
        return chunk


def _parsed(archive: zipfile.ZipFile, name: str, settings: Settings, reader: _Reader) -> None:
    with archive.open(name) as stream:
        source = _Metered(stream, settings)
        parse(source.read, reader.start, reader.end, reader.characters)


class _Reader:
    """What of a document is read: texts of open elements, by `start` and `end`."""

    def __init__(self) -> None:
        self.text: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None: ...

    def end(self, name: str) -> None: ...

    def characters(self, text: str) -> None:
        self.text.append(text)

    def taken(self) -> str:
        """The text since it was last taken."""
        found, self.text = "".join(self.text), []
        return found


def _local(name: str) -> str:
    return name.rpartition(":")[2]


# -- xlsx -------------------------------------------------------------------------------------


def _xlsx(archive: zipfile.ZipFile, settings: Settings) -> Cells:
    strings = _Strings()
    if "xl/sharedStrings.xml" in archive.namelist():
        _parsed(archive, "xl/sharedStrings.xml", settings, strings)
    cells: Cells = {}
    for sheet, member in _sheets(archive, settings):
        _parsed(archive, member, settings, _Sheet(sheet, strings.found, cells, settings))
    return cells


def _sheets(archive: zipfile.ZipFile, settings: Settings) -> Iterator[tuple[str, str]]:
    """Each sheet's name, and the member that holds it."""
    names, targets = _Attributes("sheet"), _Attributes("Relationship")
    _parsed(archive, "xl/workbook.xml", settings, names)
    _parsed(archive, "xl/_rels/workbook.xml.rels", settings, targets)
    members = {found["Id"]: found["Target"] for found in targets.found}
    for found in names.found:
        target = members[next(value for key, value in found.items() if _local(key) == "id")]
        member = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
        if "worksheets/" in member:
            yield found["name"], member


class _Attributes(_Reader):
    """The attributes of every element of one name."""

    def __init__(self, wanted: str) -> None:
        super().__init__()
        self._wanted = wanted
        self.found: list[dict[str, str]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if _local(name) == self._wanted:
            self.found.append(attributes)


class _Strings(_Reader):
    """The texts that cells refer to by number. Phonetic readings (rPh) are not part of a text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._parts: list[str] = []
        self._phonetic = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.text = []
        self._phonetic |= _local(name) == "rPh"

    def end(self, name: str) -> None:
        local = _local(name)
        if local == "t" and not self._phonetic:
            self._parts.append(self.taken())
        elif local == "rPh":
            self._phonetic = False
        elif local == "si":
            self.found.append("".join(self._parts))
            self._parts = []


class _Sheet(_Reader):
    """The cells of one sheet."""

    def __init__(self, sheet: str, strings: list[str], cells: Cells, settings: Settings) -> None:
        super().__init__()
        self._sheet, self._strings, self._cells = sheet, strings, cells
        self._limit = settings.limits.values
        self._address, self._type, self._value = "", "n", ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.text = []
        if _local(name) == "c":
            self._address, self._type = attributes.get("r", ""), attributes.get("t", "n")
            self._value = ""
            if _ADDRESS.fullmatch(self._address) is None:
                raise Unreadable(f"a cell has the address {self._address!r}")

    def end(self, name: str) -> None:
        local = _local(name)
        if local in ("v", "t"):
            self._value += self.taken()
        elif local == "c" and self._value:
            _keep(self._cells, f"{self._sheet}!{self._address}", self._meant(), self._limit)

    def _meant(self) -> object:
        if self._type == "s":
            return self._strings[int(self._value)]
        if self._type == "b":
            return self._value == "1"
        value = number(self._value) if self._type == "n" else None
        return self._value if value is None else value


# -- ods --------------------------------------------------------------------------------------


def _ods(archive: zipfile.ZipFile, settings: Settings) -> Cells:
    reader = _Content(settings)
    _parsed(archive, "content.xml", settings, reader)
    return reader.found


class _Content(_Reader):
    """The cells of all sheets. Repeated empty cells and rows only move on."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.found: Cells = {}
        self._limit = settings.limits.values
        self._sheet = ""
        self._row = self._column = 0
        self._rows: int = 1
        self._cell: dict[str, str] = {}
        self._filled: list[tuple[int, object]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table:table":
            self._sheet, self._row = attributes.get("table:name", ""), 0
        elif name == "table:table-row":
            self._column, self._filled = 0, []
            self._rows = int(attributes.get("table:number-rows-repeated", "1"))
        elif name in ("table:table-cell", "table:covered-table-cell"):
            self._cell, self.text = attributes, []
        elif name == "text:p" and self.text:
            self.text.append("\n")

    def end(self, name: str) -> None:
        if name in ("table:table-cell", "table:covered-table-cell"):
            self._end_of_cell()
        elif name == "table:table-row":
            if self._filled and self._rows > _REPEATED:
                raise Unreadable(f"a row is repeated {self._rows:,} times")
            for row in range(self._rows if self._filled else 0):
                for column, value in self._filled:
                    address = f"{self._sheet}!{_letters(column)}{self._row + row + 1}"
                    _keep(self.found, address, value, self._limit)
            self._row += self._rows

    def _end_of_cell(self) -> None:
        count = int(self._cell.get("table:number-columns-repeated", "1"))
        value = self._meant()
        if value is not None and count > _REPEATED:
            raise Unreadable(f"a cell is repeated {count:,} times")
        if value is not None:
            self._filled += [(self._column + at, value) for at in range(count)]
        self._column += count
        if len(self._filled) > self._limit:
            raise Unreadable("a row has too many cells")

    def _meant(self) -> object:
        kind = self._cell.get("office:value-type")
        text = self.taken().strip()
        if kind is None:
            return None
        if kind in ("float", "percentage", "currency"):
            return number(self._cell.get("office:value", ""))
        return self._cell.get(f"office:{kind}-value", text)


def _letters(column: int) -> str:
    """0 is A, 26 is AA."""
    found, rest = "", column + 1
    while rest:
        rest, digit = divmod(rest - 1, 26)
        found = chr(65 + digit) + found
    return found


def _keep(cells: Cells, address: str, value: object, limit: int) -> None:
    cells[address] = value
    if len(cells) > limit:
        raise Unreadable(f"it has more than {limit:,} cells")
