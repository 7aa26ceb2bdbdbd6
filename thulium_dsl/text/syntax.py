"""YAML's own errors, in our words: what is wrong, and what people usually meant."""

from __future__ import annotations

import re

import yaml

from thulium_dsl.text.nodes import SyntaxFault
from thulium_dsl.text.slips import slip

# A pattern on the parser's own words; what is wrong; what to do. {line} is where the surrounding thing began.
_WORDS = (
    (r"found character '\\t'", "a tab: YAML indents with spaces", "replace the tab by spaces"),
    (
        r"found character '(?P<char>.+)' that cannot start",
        "a value cannot begin with {char}",
        "put the value in quotes",
    ),
    (
        r"mapping values are not allowed",
        "a ':' has no place here",
        "check the indentation of this line and the one above; a text that holds ': ' needs quotes",
    ),
    (
        r"sequence entries are not allowed",
        "a list item has no place here",
        "start the list on a line of its own, below its key",
    ),
    (
        r"found unknown escape character '(?P<char>.+)'|expected escape sequence of",
        "a backslash inside double quotes begins an escape, and this is none",
        "use single quotes: there, a backslash is a backslash",
    ),
    (
        r"expected <block end>",
        "the indentation does not fit the lines above",
        "keys that belong together start in the same column; these began on line {line}",
    ),
    (r"expected ',' or ']'", "the list is not closed", "a ',' or ']' is missing; the '[' is on line {line}"),
    (r"expected ',' or '}'", "the braces are not closed", "a ',' or '}}' is missing; the '{{' is on line {line}"),
    (
        r"expected alphabetic or numeric character",
        "a value cannot begin with '&' or '*'",
        "put the value in quotes",
    ),
    (r"expected the node content", "a value is missing here", "remove the sign that stands here, or quote the text"),
    (r"expected '<document start>'", "the text goes on after the document has ended", "check the indentation"),
)

_BREAKS = {"\x85": "a NEXT LINE", "\u2028": "a LINE SEPARATOR", "\u2029": "a PARAGRAPH SEPARATOR"}
_STRAY = re.compile(f"[{''.join(_BREAKS)}]")


def explain(error: yaml.MarkedYAMLError, text: str) -> SyntaxFault:
    """The parser's error in a text as place, sentence and advice."""
    mark = error.problem_mark or error.context_mark
    assert mark is not None, "an error of the parser has a place"
    said = f"{error.context or ''} {error.problem or ''}"
    offset = min(mark.index, len(text))
    context = error.context_mark or mark
    if "quoted scalar" in said and re.search(r"end of stream|document separator|\\x00", said):
        return SyntaxFault(context.index, "the quote that opens here is never closed", "add the closing quote")
    known = _leftover(text) or _never_closed(said, text) or slip(said, context.index, offset, text)
    known = known or _missing_colon(said, context, text) or _too_deep(said, offset, text)
    known = known or _after_the_end(said, offset, text)
    if known:
        return known
    for pattern, what, hint in _WORDS:
        match = re.search(pattern, said)
        if match:
            char = match.groupdict().get("char", "")
            return SyntaxFault(offset, what.format(char=char), hint.format(line=context.line + 1))
    return SyntaxFault(
        offset, "this cannot be read as YAML", "check indentation, quotes and brackets here and just above"
    )


def _leftover(text: str) -> SyntaxFault | None:
    """Lines that belong to another language."""
    if conflict := re.search(r"^<{7} ", text, re.MULTILINE):
        hint = "choose one side, and remove the lines with <<<<<<<, ======= and >>>>>>>"
        return SyntaxFault(conflict.start(), "git left a merge conflict here", hint)
    if remark := re.search(r"^[ \t]*(//|/\*)", text, re.MULTILINE):
        return SyntaxFault(remark.start(1), f"a comment begins with '#', not with '{remark[1]}'", "write '#' instead")
    return None


def _never_closed(said: str, text: str) -> SyntaxFault | None:
    """A bracket or brace that is still open where the text ends."""
    if not re.search(r"<stream end>|<document (start|end)>|\\x00", said):  # so the scanner calls the end
        return None
    still_open: list[int] = []
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.FlowSequenceStartToken | yaml.FlowMappingStartToken):
                still_open.append(token.start_mark.index)
            elif still_open and isinstance(token, yaml.FlowSequenceEndToken | yaml.FlowMappingEndToken):
                still_open.pop()
            elif still_open and isinstance(token, yaml.DocumentStartToken | yaml.DocumentEndToken):
                break
    except yaml.MarkedYAMLError:
        pass  # the end, said in the scanner's way
    if not still_open:
        return None
    closing = "".join({"[": "]", "{": "}"}[text[offset]] for offset in reversed(still_open))
    around = f", then '{closing[1:]}' for what is around it" if closing[1:] else ""
    what = f"the '{text[still_open[-1]]}' that opens here is never closed"
    return SyntaxFault(still_open[-1], what, f"add the closing '{closing[0]}'{around}")


def stray_break(text: str, quoted: list[tuple[int, int]], until: int) -> SyntaxFault | None:
    """The first line break outside of quotes that some readers of YAML take for one and others do not."""
    end_before = 0
    for start, end in (*quoted, (until, until)):
        if found := _STRAY.search(text, end_before, min(start, until)):
            what = f"{_BREAKS[found[0]]}, U+{ord(found[0]):04X}: a line break of another kind"
            return SyntaxFault(found.start(), what, "write a plain one, or remove it")
        end_before = end
    return None


def _missing_colon(said: str, context: yaml.Mark, text: str) -> SyntaxFault | None:
    """A line that should be a key, found by what the parser says of the next one."""
    if "could not find expected ':'" not in said:
        return None
    line = text[context.index :].splitlines()[0]
    above = text[: context.index].splitlines()
    if found := re.match(r"(\w+)\s*=\s*(\S+)", line):
        return SyntaxFault(context.index, "a key ends with ':', not with '='", f"write '{found[1]}: {found[2]}'")
    if len(above) > 1 and above[-2].rstrip().endswith(":"):
        hint = "write it behind the key, or indent it further than the key"
        return SyntaxFault(context.index, "a value below its key is indented further than the key", hint)
    return SyntaxFault(context.index, "a key without ':'", "write 'key: value', with a space after the colon")


def _too_deep(said: str, offset: int, text: str) -> SyntaxFault | None:
    """A key under something that already has a value, or under a line that is no key."""
    above = [line for line in text[:offset].splitlines()[:-1] if line.strip() and line.strip()[0] != "#"]
    if "mapping values" not in said or not above:
        return None
    line = text[text.rfind("\n", 0, offset) + 1 : offset]
    if not re.search("[:#]", above[-1]):
        # The line without a colon is no key: the parser takes the next line for its continuation.
        return SyntaxFault(
            offset, "the line above has no ':' after its key", f"write '{above[-1].split()[0]}: ...' there"
        )
    found = re.match(r"([ -]*)(\w+): +([^\s#]+)", above[-1])
    if found and len(line) - len(line.lstrip()) > len(found[1]):
        what = f"this line is indented under '{found[2]}', which has a value already"
        hint = (
            f"start it in the column of '{found[2]}'; or, if it belongs under '{found[2]}', remove '{found[3]}' there"
        )
        return SyntaxFault(offset - len(line.lstrip()), what, hint)
    return None


def _after_the_end(said: str, offset: int, text: str) -> SyntaxFault | None:
    """Something that goes on where the parser thought that it was done."""
    if "expected <block end>" not in said:
        return None
    before = text[text.rfind("\n", 0, offset) + 1 : offset].rstrip()
    if before.endswith(("'", '"')):
        hint = "put the whole text into the other kind of quotes, or write the quote inside it twice: 'it''s'"
        return SyntaxFault(offset, "the text goes on after its closing quote", hint)
    if not before and text[offset : offset + 2] == "- ":
        hint = "give the list a key of its own, and start its items below that key"
        return SyntaxFault(offset, "a list item among keys", hint)
    return None
