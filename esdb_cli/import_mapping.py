"""The mapping of an import from another store: a TOML file that says what becomes of its categories and types."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from esdb_cli.errors import EXIT_USAGE, CliError

if TYPE_CHECKING:
    from pathlib import Path

_SHOWN: Final = 20
"""Names that a message lists before it says how many more there are."""
_PLACE: Final = ("bounded_context", "group_context")

Check = Callable[[object], str | None]
"""Says what a value should be, where it is not."""


def _text(value: object) -> str | None:
    return None if isinstance(value, str) and value else "a text"


def _flag(value: object) -> str | None:
    return None if isinstance(value, bool) else "true or false"


def _table(value: object) -> str | None:
    return None if isinstance(value, dict) else "a table"


def _json(value: object) -> str | None:
    is_json = isinstance(value, dict) and _is_plain(value)
    return None if is_json else "a table of texts, numbers, booleans, lists and tables"


def _is_plain(value: object) -> bool:
    match value:
        case dict():
            return all(map(_is_plain, value.values()))
        case list():
            return all(map(_is_plain, value))
        case float():
            return math.isfinite(value)
        case _:
            return isinstance(value, (str, int))


def _time(value: object) -> str | None:
    return None if isinstance(value, datetime) and value.tzinfo else "a time with a zone: 2020-01-01T00:00:00Z"


def _texts(value: object) -> str | None:
    is_list = isinstance(value, list) and value and all(isinstance(name, str) and name for name in value)
    return None if is_list else "a list of texts"


def _names(value: object) -> str | None:
    is_table = isinstance(value, dict) and value and all(isinstance(name, str) and name for name in value.values())
    return None if is_table else "a table of texts"


def _one_of(*allowed: str) -> Check:
    return lambda value: None if value in allowed else " or ".join(f'"{name}"' for name in allowed)


_COMMON: Final[Mapping[str, Check]] = {
    "schema": _text,
    "gaps": _one_of("refuse", "renumber"),
    "recorded_by": _text,
    "metadata": _json,
    "metadata_names": _names,
    "default": _table,
    "categories": _table,
    "types": _table,
}
OPTIONS: Final[Mapping[str, Mapping[str, Check]]] = {
    "message-db": {"aggregate_id": _one_of("stream", "id")},
    "eventsourcing": {"tables": _texts, "encodings": _one_of("text", "keep"), "default_time": _time},
    "emmett": {"partitions": _texts, "archived": _flag},
}
"""What a mapping may say of one source alone."""
_CATEGORY: Final[Mapping[str, Check]] = {
    "bounded_context": _text,
    "group_context": _text,
    "aggregate_type": _text,
    "leave_out": _flag,
}
_TYPE: Final[Mapping[str, Check]] = {
    "event_type": _text,
    "feature_context": _text,
    "action_type": _text,
    "leave_out": _flag,
}


@dataclass(frozen=True)
class Category:
    """A category of the source as the survey found it; name: the aggregate type that its streams get by default."""

    category: str
    name: str


@dataclass(frozen=True)
class ImportMapping:
    """A mapping that was read and is right in itself."""

    options: Mapping[str, Any] = field(default_factory=dict)
    default: Mapping[str, Any] | None = None
    categories: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    types: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def entry(self, category: str) -> Mapping[str, Any] | None:
        """Return what is said of a category: by its name, by the longest beginning of it (order*), or by default."""
        if category in self.categories:
            return self._filled(self.categories[category])
        beginnings = [key for key in self.categories if key.endswith("*") and category.startswith(key[:-1])]
        if beginnings:
            return self._filled(self.categories[max(beginnings, key=len)])
        return self.default

    def _filled(self, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        places = {key: value for key, value in (self.default or {}).items() if key in _PLACE}
        return {**places, **entry}

    def placed(self, found: Iterable[Category]) -> list[dict[str, str]]:
        """Return where each category belongs, those that are left out excepted.

        Raises CliError, exit 2, with all categories that the mapping does not place.
        """
        rows, unplaced = [], []
        for category in found:
            entry = self.entry(category.category)
            if entry is not None and entry.get("leave_out"):
                continue
            if entry is None or not all(key in entry for key in _PLACE):
                unplaced.append(category.category)
                continue
            places = {key: entry[key] for key in _PLACE}
            aggregate_type = entry.get("aggregate_type", category.name)
            rows.append({"category": category.category, **places, "aggregate_type": aggregate_type})
        if unplaced:
            raise CliError(
                "the mapping does not say where these categories belong",
                EXIT_USAGE,
                detail=listed(unplaced),
                hint="give each a bounded_context and a group_context, or leave_out = true, under [categories];"
                " or give a [default]",
            )
        return rows

    def unused(self, categories: Iterable[str], types: Iterable[str]) -> list[str]:
        """Return the keys of the mapping that nothing in the source answers to."""
        names = set(categories)
        idle = [
            f"categories.{key}"
            for key in self.categories
            if not (any(name.startswith(key[:-1]) for name in names) if key.endswith("*") else key in names)
        ]
        known = set(types)
        return idle + [f"types.{key}" for key in self.types if key not in known]

    def codes(self) -> set[tuple[str, str]]:
        """Return the contexts that it names, as kind and code."""
        entries = [*self.categories.values(), *self.types.values(), self.default or {}]
        kinds = ("bounded", "group", "feature")
        return {(kind, entry[key]) for entry in entries for kind in kinds if (key := f"{kind}_context") in entry}

    def types_left_out(self) -> list[str]:
        """Return the types of events that are not wanted."""
        return [name for name, entry in self.types.items() if entry.get("leave_out")]


def listed(names: Iterable[str]) -> str:
    """Return names as a message lists them."""
    all_names = list(names)
    more = f" and {len(all_names) - _SHOWN} more" if len(all_names) > _SHOWN else ""
    return ", ".join(all_names[:_SHOWN]) + more


def read_mapping(path: Path | None, source: str) -> ImportMapping:
    """Read the mapping of a source, an empty one where there is no file.

    Raises CliError, exit 2, with all that is wrong in it.
    """
    import tomllib

    if path is None:
        return ImportMapping()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CliError(f"the mapping {path} is no TOML", EXIT_USAGE, detail=str(error)) from None
    faults = list(_faults(content, source))
    if faults:
        raise CliError(f"the mapping {path} is wrong", EXIT_USAGE, detail="\n".join(faults))
    sections = {key: content.pop(key) for key in ("default", "categories", "types") if key in content}
    return ImportMapping(content, **sections)


def _faults(content: dict[str, Any], source: str) -> Iterable[str]:
    """Give what is wrong with a mapping, a line each."""
    yield from _entry_faults("", content, {**_COMMON, **OPTIONS[source]})
    default = content.get("default")
    if isinstance(default, dict):
        yield from _entry_faults("default.", default, _CATEGORY)
        if not default.get("leave_out") and not all(key in default for key in _PLACE):
            yield f"default: needs {' and '.join(_PLACE)}, or leave_out = true"
    for section, allowed in (("categories", _CATEGORY), ("types", _TYPE)):
        entries = content.get(section)
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            if isinstance(entry, dict):
                yield from _entry_faults(f"{section}.{name}.", entry, allowed)
            else:
                yield f"{section}.{name}: should be a table"


def _entry_faults(place: str, entry: dict[str, Any], allowed: Mapping[str, Check]) -> Iterable[str]:
    for key, value in entry.items():
        if key not in allowed:
            yield f"{place}{key}: unknown; known are {', '.join(allowed)}"
        elif wanted := allowed[key](value):
            yield f"{place}{key}: should be {wanted}"
