"""The classes of grammar/spec.py, made from the schemas: `make reference` writes them.

It imports nothing that needs what it writes.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.schemas import Schema

FILE = Path("thulium_dsl/grammar/spec.py")
_WIDTH = 120
_NO_VALUES = {"x-same-as", "x-directive"}  # such a key is no value of an experiment
_TYPES = {"integer": "int", "number": "float", "string": "str", "boolean": "bool", "null": "None"}
_HEAD = '''\
# Made from schemas/ by `make reference`; change it there.
"""The values of an experiment: what a resolved document holds, as frozen dataclasses.

No class has defaults: a document is filled from the schemas before values are made of it. `thulium explain KEY`, or
docs/reference, says what a key means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
'''


def text() -> str:
    """The whole file."""
    blocks = _Blocks()
    blocks.type_of(schemas.experiment())
    return _HEAD + "".join(_spaced(list(blocks.named.values())))


def _spaced(blocks: list[str]) -> Iterator[str]:
    """Two empty lines around a class, one between names of types."""
    for block, before in zip(blocks, ["", *blocks]):
        yield ("\n\n" if "\nclass " in block + before else "\n") + block


class _Blocks:
    """What stands in the file, by name: what a class is made of comes before it.

    Raises:
        ValueError: two things have one name, or a section has none.
    """

    def __init__(self) -> None:
        self.named: dict[str, str] = {}

    def type_of(self, schema: Schema) -> str:
        """The type of what a schema allows; the classes and names that it needs are added."""
        if schemas.branches(schema):
            return self._choice(schema)
        if "properties" in schema:
            return self._class(schema, schema["properties"])
        if "enum" in schema and schema["type"] == "string":
            literal, name = _literal(schema["enum"]), schema.get("x-class")
            return self._name(name, f"{name} = {literal}\n") if name else literal
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return " | ".join(self._tuple(schema) if kind == "array" else _TYPES[kind] for kind in kinds)

    def _tuple(self, schema: Schema) -> str:
        item = self.type_of(schema["items"])
        is_fixed = "minItems" in schema and schema["minItems"] == schema.get("maxItems")
        return f"tuple[{', '.join([item] * schema['minItems'])}]" if is_fixed else f"tuple[{item}, ...]"

    def _choice(self, schema: Schema) -> str:
        """A name for the classes of all types, and one for each group of them."""
        groups: dict[str, list[str]] = {}
        classes = []
        for kind, branch in schemas.branches(schema).items():
            own = self._class(branch, schemas.properties(schema, {"type": kind}), kind)
            classes.append(own)
            if "x-group" in branch:
                groups.setdefault(branch["x-group"], []).append(own)
        for name, members in {**groups, _class_name(schema): classes}.items():
            self._name(name, _union(name, members))
        return _class_name(schema)

    def _class(self, schema: Schema, parts: Mapping[str, Schema], kind: str = "") -> str:
        fields = []
        for name, part in parts.items():
            if not _NO_VALUES & set(part):
                held = _literal([kind]) if kind and name == "type" else self.type_of(part)
                held += " | None" if "x-optional" in part else ""
                unit = f"  # {part['x-unit']}" if part.get("x-unit", name) not in name else ""
                fields.append(f"    {name}: {held}{unit}")
        head = ["@dataclass(frozen=True, slots=True, kw_only=True)", f"class {_class_name(schema)}:"]
        lines = [*head, *_docstring(schema["x-summary" if kind else "description"]), "", *fields]
        return self._name(_class_name(schema), "\n".join(lines) + "\n")

    def _name(self, name: str, block: str) -> str:
        if self.named.setdefault(name, block) != block:
            raise ValueError(f"two different schemas are x-class {name}")
        return name


def _class_name(schema: Schema) -> str:
    name: str | None = schema.get("x-class")
    if name is None:
        raise ValueError(f"a section needs an x-class: {schema.get('description', schema)!r}")
    return name


def _literal(choices: list[str]) -> str:
    return "Literal[" + ", ".join(f'"{choice}"' for choice in choices) + "]"


def _union(name: str, members: list[str]) -> str:
    line = f"{name} = {' | '.join(members)}"
    if len(line) <= _WIDTH:
        return f"{line}\n"
    inner = f"    {' | '.join(members)}"
    rows = [inner] if len(inner) <= _WIDTH else [f"    {members[0]}", *(f"    | {member}" for member in members[1:])]
    return "\n".join([f"{name} = (", *rows, ")"]) + "\n"


def _docstring(description: str) -> Iterator[str]:
    if len(description) <= _WIDTH - len('    """"""'):
        yield f'    """{description}"""'
        return
    first, *rest = textwrap.wrap(f'"""{description}', _WIDTH - 4)
    yield from (f"    {line}" for line in (first, *rest, '"""'))


def main(root: Path) -> None:
    """Write the file into a checkout."""
    (root / FILE).write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
