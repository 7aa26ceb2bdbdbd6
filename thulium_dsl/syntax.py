"""YAML's own errors, in our words: what is wrong, and what people usually meant."""

from __future__ import annotations

import re
from typing import NamedTuple

import yaml


class SyntaxFault(NamedTuple):
    mark: yaml.Mark
    what: str
    hint: str


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
    (r"could not find expected ':'", "a key without ':'", "write 'key: value', with a space after the colon"),
    (
        r"found unknown escape character '(?P<char>.+)'",
        "\\{char} means nothing inside double quotes",
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


def explain(error: yaml.MarkedYAMLError, text: str) -> SyntaxFault:
    """The parser's error in a text as place, sentence and advice."""
    mark = error.problem_mark or error.context_mark
    said = f"{error.context or ''} {error.problem or ''}"
    context_line = (error.context_mark or mark).line + 1
    if "quoted scalar" in said and ("end of stream" in said or "document separator" in said):
        return SyntaxFault(error.context_mark, "the quote that opens here is never closed", "add the closing quote")
    above = [line for line in text.splitlines()[: mark.line] if line.strip()]
    if "mapping values" in said and above and not re.search("[:#]", above[-1]):
        # The line without a colon is no key: the parser takes the next line for its continuation.
        word = above[-1].split()[0]
        return SyntaxFault(mark, "the line above has no ':' after its key", f"write '{word}: ...' there")
    for pattern, what, hint in _WORDS:
        match = re.search(pattern, said)
        if match:
            char = match.groupdict().get("char", "")
            return SyntaxFault(mark, what.format(char=char), hint.format(line=context_line))
    return SyntaxFault(
        mark, "this cannot be read as YAML", "check indentation, quotes and brackets here and just above"
    )
