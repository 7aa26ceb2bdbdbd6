"""The reference pages, made from the schemas: `make reference` writes them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from thulium_dsl.edit.fill import meanings
from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.building import experiment_in
from thulium_dsl.grammar.hints import plain
from thulium_dsl.grammar.include import read
from thulium_dsl.grammar.schemas import Schema
from thulium_dsl.grammar.validate import complete_tree
from thulium_dsl.manual.explain import allowed, reruns, type_of
from thulium_dsl.pipeline import dvc_yaml
from thulium_dsl.pipeline import graph as graphs
from thulium_dsl.text import written
from thulium_dsl.text.document import parse

PROJECT = Path("template/{{cookiecutter.project_slug}}")
STARTS = Path("template/starts")
MODELINE = "# yaml-language-server: $schema=.schema/thulium.schema.json\n"
PROJECT_SCHEMA = PROJECT / ".schema" / "thulium.schema.json"
FOLDER = Path("docs/reference")


def pages() -> dict[str, str]:
    """Every page: file name -> Markdown."""
    parts = schemas.experiment()["properties"]
    return {"index.md": _index(parts), **{f"{name}.md": _page(name) for name in parts if _has_page(parts[name])}}


def _has_page(schema: Schema) -> bool:
    return "properties" in schema


def _index(parts: Schema) -> str:
    rows = []
    for name, part in parts.items():
        link = f"[`{name}`]({name}.md)" if _has_page(part) else f"`{name}`"
        stages = reruns(name) if name in schemas.sections() else ""
        rows.append(f"| {link} | {_cell(part['description'])} | {stages} |")
    lines = [
        _origin("experiment"),
        "# Reference",
        "",
        "What a document may hold. A key that is left out has its default; `thulium fill` writes it into the text.",
        *(f"The section `{name}` may be left out, and then has no value." for name in sorted(schemas.optional())),
        "`thulium explain KEY` says the same on the command line.",
        "",
        "| section | what it holds | a change re-runs |",
        "|---|---|---|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def _page(name: str) -> str:
    schema = schemas.experiment()["properties"][name]
    tree = complete_tree(parse(f"{name}: {{}}" if name in schemas.optional() else ""))
    lines = [
        _origin(name),
        f"# {name}",
        "",
        f"{schema['description']} A change re-runs {reruns(name)}.",
        "",
        *_section(schema, name),
        "## The defaults",
        "",
        "```yaml",
        *written.block(name, tree[name]),
        "```",
    ]
    return "\n".join(lines) + "\n"


def _origin(name: str) -> str:
    return f"<!-- Made from schemas/{name}.schema.json by `make reference`; change it there. -->\n"


def _section(schema: Schema, path: str) -> Iterator[str]:
    """The tables of a section: its keys, those of each of its types, then the sections in it."""
    yield from _table(schema, path)
    for kind, branch in schemas.branches(schema).items():
        own = {name: part for name, part in branch["properties"].items() if part}
        if own:
            yield from (f"With `type: {kind}`:", "")
            yield from _table({"properties": own}, path)
        else:
            yield from (f"`type: {kind}` has no options.", "")
    shown: list[Schema] = []
    for level in (schema, *schemas.branches(schema).values()):
        for name, part in level.get("properties", {}).items():
            inner = part.get("items", part) if part else {}
            if "properties" in inner and part not in shown:
                shown.append(part)  # types share sections: each stands once
                yield from (f"## {path}.{name}", "", part["description"], "")
                if inner is not part:
                    yield from (inner["description"], "")
                yield from _section(inner, f"{path}.{name}")


def _table(schema: Schema, path: str) -> Iterator[str]:
    rows = [_row(name, part, path, schema) for name, part in schema.get("properties", {}).items() if part]
    if rows:
        yield from ("| key | value | default | meaning |", "|---|---|---|---|", *rows, "")


def _row(name: str, schema: Schema, path: str, around: Schema) -> str:
    is_section = "properties" in schema.get("items", schema)
    of_section = around.get("default", {}) if name == "type" else {}  # which type a section has that is left out
    written = {**of_section, **({name: schema["default"]} if "default" in schema and not is_section else {})}
    default = f"`{plain(written[name])}`" if name in written else ""
    meaning = schema["description"]
    if schema.get("x-structural"):
        is_of_null = schema.get("default", "") is None and "integer" not in schema["type"]
        change = "change from or to `null`" if is_of_null else "change"
        meaning += f" After a {change}, run `thulium compile`."
    return f"| `{name}` | {_value(schema, f'{path}.{name}')} | {_cell(default)} | {_cell(meaning)} |"


def _value(schema: Schema, path: str) -> str:
    """What a key may hold, in a few words."""
    inner = schema.get("items", schema)
    if "properties" in inner:
        what = "a section" if inner is schema else "a list of sections"
        return f"{what}, [see below](#{path.replace('.', '')})"
    if "enum" in schema:
        return ", ".join(f"`{plain(choice)}`" for choice in schema["enum"])
    words = [type_of(schema), allowed(schema)]
    if inner is not schema:
        each = "one of" if "enum" in inner else f"a {type_of(inner)},"
        words.append(f"each {each} {allowed(inner)}".rstrip(", "))
    if "x-unit" in schema:
        words[0] += f" ({schema['x-unit']})"
    return _cell(", ".join(word for word in words if word))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def project_document(root: Path) -> str:
    """The params.yaml of a new project, a template: complete, each key with what it means, for each kind of data."""
    parts: dict[str, dict[str, str]] = {}
    for kind, tree in _starts(root).items():
        lines = written.section_lines(tree, meanings(tree))
        parts[kind] = {name: "\n".join(own) + "\n" for name, own in lines.items()}
    names = list(next(iter(parts.values())))
    return MODELINE + "".join(_variants({kind: own[name] for kind, own in parts.items()}) for name in names)


def project_pipeline(root: Path) -> str:
    """The dvc.yaml of a new project, a template: what its params.yaml compiles to, for each kind of data."""
    texts = {}
    for kind, tree in _starts(root).items():
        graph = graphs.build(experiment_in(tree), root / PROJECT)
        texts[kind] = dvc_yaml.render(graph)
    return _variants(texts)


def _starts(root: Path) -> dict[str, dict[str, Any]]:
    """What a project of each kind starts with, completed."""
    kinds = json.loads((root / "template" / "cookiecutter.json").read_text(encoding="utf-8"))["dataset"]
    return {kind: complete_tree(read(root / STARTS / f"{kind}.yaml")) for kind in kinds}


def _variants(texts: Mapping[str, str]) -> str:
    """A text for each kind of data, as a template; kinds of the same text stand together."""
    groups: dict[str, list[str]] = {}
    for kind, text in texts.items():
        groups.setdefault(text, []).append(kind)
    if len(groups) == 1:
        return next(iter(groups))
    tests = [f"cookiecutter.dataset in {kinds}" for kinds in groups.values()]
    heads = [f"if {tests[0]}", *(f"elif {test}" for test in tests[1:-1]), "else"]
    bodies = [f"{{% {head} %}}{text}" for head, text in zip(heads, groups, strict=True)]
    return "".join(bodies) + "{% endif %}"


def main(root: Path) -> None:
    """Write into a checkout what is made: the pages, and the schema and the pipeline that a new project begins with."""
    (root / PROJECT_SCHEMA).write_text(schemas.bundle(), encoding="utf-8")
    (root / PROJECT / "params.yaml").write_text(project_document(root), encoding="utf-8")
    (root / PROJECT / "dvc.yaml").write_text(project_pipeline(root), encoding="utf-8")
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    made = pages()
    for path in folder.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
