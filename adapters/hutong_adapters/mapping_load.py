"""Reads a mapping: TOML and its tables become a `RowMapping`, or all that is wrong with them.

Owns the words of the format and their places. Every mistake that can be known before a row is read
is told here, all at once and by its place in the file: an unknown word, a field that the record
type does not have, a required field that is missing, a constant that does not fit. Which tables are
fields and which are values is decided by the shape of the record type, not by their words, so that
a field may be called `from`.

Paths in tables are relative to the mapping; built-in mappings are found by their bare name.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from hutong_adapters.columns import Pointer, parse_column
from hutong_adapters.encodings import ANY_BYTES, AUTO, ENCODINGS
from hutong_adapters.interface import MappingRefused
from hutong_adapters.layout_load import check_layout_columns, load_layout
from hutong_adapters.lookups import Lookup, LookupRefused, file_lookup, inline_lookup
from hutong_adapters.mapping import (
    Duplicates,
    KeySpec,
    MapSpec,
    Parameter,
    RowMapping,
)
from hutong_adapters.mapping_dates import is_zone
from hutong_adapters.mapping_specs import SpecReader
from hutong_adapters.mapping_values import Problems, ValueReader, word_list
from hutong_adapters.rows import FORMATS, Form
from hutong_adapters.unit_words import UNIT_TABLES
from hutong_protocol.instants import instant_ms
from hutong_protocol.schema.record_types import BASE_TOPIC, RECORD_TYPES, RecordType
from hutong_protocol.schema.shapes import TOPIC, Words

FORMAT_VERSION: Final = 1
MAPPABLE: Final = ("need/1", "offer/1", "org/1", "incident/1")
"""Types whose first record is a thing and that can be revised: a row is one of these."""
BUILT_IN: Final = Path(__file__).parent / "mappings"
MAPPING_BYTES_MAX: Final = 1_048_576

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_PLATFORM = re.compile(r"[!-~]{1,64}")
_AT_HOME = Words(8_192)
_TOP: Final = frozenset(
    {
        *("mapping", "name", "about", "type", "topic", "space", "source", "platform"),
        *("screening", "rows", "columns", "key", "parameters", "lookups", "facts", "text"),
        *("sensitive", "sheet"),
    }
)
_PARAMETER_KINDS: Final = ("record", "time", "zone", "text")


def built_in_names() -> list[str]:
    """The names of the mappings that come with this package."""
    return sorted(path.stem for path in BUILT_IN.glob("*.toml"))


def load_mapping(name: str | Path) -> RowMapping:
    """The mapping in a file, or the built-in one of this name.

    Raises:
        MappingRefused: with every problem that was found, each starting with its place.
    """
    path = Path(name)
    if path.suffix != ".toml" and path.name == str(name):
        path = BUILT_IN / f"{name}.toml"
        if not path.is_file():
            known = ", ".join(built_in_names())
            raise MappingRefused([f"{name}: no built-in mapping of this name; there are {known}"])
    try:
        data = path.read_bytes()
        if len(data) > MAPPING_BYTES_MAX:
            raise MappingRefused([f"{path.name}: is longer than {MAPPING_BYTES_MAX} bytes"])
        content = tomllib.loads(data.decode("utf-8"))
    except OSError as error:
        raise MappingRefused([f"{path.name}: can't be opened: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise MappingRefused([f"{path.name}: is not UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        raise MappingRefused([f"{path.name}: is no TOML: {error}"]) from None
    return _Loader(content, path.parent, hashlib.sha256(data)).load()


class _Loader:
    """One reading of one mapping: collects problems, so that all are told at once."""

    def __init__(self, content: dict[str, Any], folder: Path, hashed: hashlib._Hash) -> None:
        self._content = content
        self._folder = folder
        self._hashed = hashed
        self._problems = Problems()

    def load(self) -> RowMapping:
        version = self._content.get("mapping")
        if version != FORMAT_VERSION or isinstance(version, bool):
            raise MappingRefused(
                [f"mapping: is {FORMAT_VERSION}, the version of this format; found {version!r}"]
            )
        for word in self._content.keys() - _TOP:
            self._problems.add(word, f"is no word here; known: {', '.join(sorted(_TOP))}")
        record_type = self._record_type()
        if record_type is None:
            raise MappingRefused(self._problems.found)
        parameters = self._parameters()
        lookups = self._lookups()
        values = ValueReader(self._problems, lookups, parameters)
        specs = SpecReader(self._problems, values)
        facts = specs.record(record_type.facts, self._table("facts"), "facts")
        text = specs.record(record_type.text, self._table("text"), "text")
        mapping = self._mapping(record_type, parameters, values, facts, text)
        values.check_lookups()
        if mapping.form.layout is not None:
            check_layout_columns(mapping.form.layout, mapping.reading().mentioned, self._problems)
        if self._problems.found:
            raise MappingRefused(self._problems.found)
        return replace(mapping, lookups=lookups)

    def _mapping(
        self,
        record_type: RecordType,
        parameters: Mapping[str, Parameter],
        values: ValueReader,
        facts: MapSpec,
        text: MapSpec,
    ) -> RowMapping:
        rows = self._table("rows", known=("format", "delimiter", "at", "complete", "encoding"))
        columns = self._table("columns", known=("ignore", "drop", "optional"))
        name = self._words("name", pattern=_NAME, required=True)
        sensitive = {
            field: values.value(_AT_HOME, table, f"sensitive.{field}", may_be_nested=True)
            for field, table in self._table("sensitive").items()
        }
        for table in sorted(values.built_in_used):
            words = json.dumps(dict(UNIT_TABLES[table]), sort_keys=True)
            self._hashed.update(words.encode("utf-8"))
        return RowMapping(
            name=name or "",
            digest=self._hashed.hexdigest(),
            about=self._words("about") or "",
            type=record_type.name,
            topic=self._topic(record_type),
            space=self._words("space", pattern=TOPIC),
            source=self._words("source", pattern=_NAME) or name or "",
            platform=self._words("platform", pattern=_PLATFORM),
            screening=self._screening(),
            complete=self._flag(rows, "rows.complete"),
            form=self._form(rows),
            key=self._key(),
            facts=facts,
            text=text,
            sensitive={field: spec for field, spec in sensitive.items() if spec is not None},
            ignored=self._pointers(columns, "columns.ignore"),
            dropped=self._pointers(columns, "columns.drop"),
            optional=self._pointers(columns, "columns.optional"),
            parameters=parameters,
        )

    def _record_type(self) -> RecordType | None:
        name = self._content.get("type")
        if name not in MAPPABLE:
            self._problems.add("type", f"is one of {', '.join(MAPPABLE)}")
            return None
        return RECORD_TYPES[name]

    def _topic(self, record_type: RecordType) -> str:
        topic = self._words("topic", pattern=TOPIC, required=True) or ""
        if topic and not record_type.lives.admits(topic):
            where = "does not live in" if topic == BASE_TOPIC else "lives only in"
            self._problems.add("topic", f"{record_type.name} {where} {BASE_TOPIC}")
        return topic

    def _screening(self) -> bool:
        found = self._content.get("screening", "queue")
        if found not in ("queue", "off"):
            self._problems.add("screening", "is queue (the default) or off")
        return bool(found != "off")

    def _form(self, rows: Mapping[str, Any]) -> Form:
        found = rows.get("format")
        if found is not None and found not in tuple(FORMATS):
            self._problems.add("rows.format", f"is one of {', '.join(FORMATS)}")
        encoding = self._encoding(rows.get("encoding", AUTO))
        delimiter = rows.get("delimiter")
        if delimiter not in (None, ",", ";", "\t", "|"):
            self._problems.add("rows.delimiter", 'is one of "," ";" "\\t" "|"')
            delimiter = None
        at = rows.get("at", "")
        if not isinstance(at, str):
            self._problems.add("rows.at", 'is a name or pointer like "/data/rows"')
            at = ""
        layout = load_layout(self._content.get("sheet"), self._problems)
        if layout is not None and found == "jsonl":
            self._problems.add("sheet", "is about tables, not JSON lines")
        return Form(found, delimiter, parse_column(at), encoding, layout)

    def _encoding(self, named: object) -> str | tuple[str, ...]:
        if named == AUTO or (isinstance(named, str) and named in ENCODINGS):
            return named
        listed = word_list(named) if isinstance(named, list) else None
        if not listed or not set(listed) <= set(ENCODINGS):
            known = ", ".join(ENCODINGS)
            self._problems.add("rows.encoding", f"is {AUTO}, or one or a list of {known}")
            return AUTO
        for each in listed[:-1]:
            if each in ANY_BYTES:
                rule = f"has {each} before others: it reads any bytes, so it comes last"
                self._problems.add("rows.encoding", rule)
        return tuple(listed)

    def _key(self) -> KeySpec:
        key = self._table("key", known=("columns", "duplicates"))
        columns = self._pointers(key, "key.columns")
        if not columns:
            self._problems.add("key.columns", "names the columns by which a row is known again")
        try:
            duplicates = Duplicates(key.get("duplicates", "refuse"))
        except ValueError:
            self._problems.add("key.duplicates", f"is one of {', '.join(Duplicates)}")
            duplicates = Duplicates.REFUSE
        return KeySpec(columns, duplicates)

    def _parameters(self) -> dict[str, Parameter]:
        found = {}
        for name, table in self._table("parameters").items():
            place = f"parameters.{name}"
            if not isinstance(table, dict) or table.keys() - {"kind", "about", "default"}:
                self._problems.add(place, "is a table of kind, about and default")
                continue
            kind, default = table.get("kind", "text"), table.get("default")
            if kind not in _PARAMETER_KINDS:
                self._problems.add(f"{place}.kind", f"is one of {', '.join(_PARAMETER_KINDS)}")
            if default is not None and not isinstance(default, str):
                self._problems.add(f"{place}.default", "is text")
                default = None
            if kind == "time" and default is not None and instant_ms(default) is None:
                self._problems.add(f"{place}.default", "is like 2020-03-31T23:59:59+08:00")
            if kind == "zone" and default is not None and not is_zone(default):
                self._problems.add(f"{place}.default", "is an IANA name like Asia/Shanghai")
            found[name] = Parameter(str(kind), str(table.get("about", "")), default)
        return found

    def _lookups(self) -> dict[str, Lookup]:
        found = {}
        for name, table in self._table("lookups").items():
            place = f"lookups.{name}"
            words = table.keys() - {"about"} if isinstance(table, dict) else set()
            if words not in ({"file", "key"}, {"table"}):
                self._problems.add(place, "has file and key, or table; and about, if you like")
                continue
            try:
                found[name] = replace(self._lookup(name, table), about=str(table.get("about", "")))
            except LookupRefused as refused:
                self._problems.add(place, str(refused))
        return found

    def _lookup(self, name: str, table: dict[str, Any]) -> Lookup:
        if "table" in table:
            pairs = table["table"]
            if not isinstance(pairs, dict) or not all(isinstance(v, str) for v in pairs.values()):
                raise LookupRefused("`table` has a text for each text")
            return inline_lookup(name, pairs)
        keys = word_list(table["key"])
        if not isinstance(table["file"], str) or keys is None:
            raise LookupRefused("`file` is a name, `key` the name of a column or a list of them")
        lookup = file_lookup(name, self._folder, table["file"], keys)
        self._hashed.update((self._folder / table["file"]).read_bytes())
        return lookup

    def _table(self, word: str, *, known: tuple[str, ...] | None = None) -> dict[str, Any]:
        found = self._content.get(word, {})
        if not isinstance(found, dict):
            self._problems.add(word, f"is a table: [{word}]")
            return {}
        for name in found.keys() - set(known or found):
            self._problems.add(
                f"{word}.{name}", f"is no word here; known: {', '.join(known or ())}"
            )
        return found

    def _words(
        self, word: str, *, pattern: re.Pattern[str] | None = None, required: bool = False
    ) -> str | None:
        found = self._content.get(word)
        if found is None:
            if required:
                self._problems.add(word, "is required")
            return None
        if not isinstance(found, str) or (pattern is not None and not pattern.fullmatch(found)):
            rule = "is text" if pattern is None else f"is text that matches {pattern.pattern}"
            self._problems.add(word, rule)
            return None
        return found

    def _flag(self, table: Mapping[str, Any], place: str) -> bool:
        found = table.get(place.rpartition(".")[2], False)
        if not isinstance(found, bool):
            self._problems.add(place, "is true or false")
        return found is True

    def _pointers(self, table: Mapping[str, Any], place: str) -> tuple[Pointer, ...]:
        names = word_list(table.get(place.rpartition(".")[2], []))
        if names is None or not all(map(parse_column, names)):
            self._problems.add(place, "is a list of columns")
            return ()
        return tuple(map(parse_column, names))
