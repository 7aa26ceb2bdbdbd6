"""The two formats of pages with lines, PAGE and ALTO, told apart by the root element of a file."""

from __future__ import annotations

# The root element of each format and how its namespaces begin; a file without any namespace is taken at its word.
FORMATS = {
    "PAGE": ("PcGts", ("schema.primaresearch.org/PAGE/gts/pagecontent/",)),
    "ALTO": ("alto", ("www.loc.gov/standards/alto/", "schema.ccs-gmbh.com/ALTO", "bibnum.bnf.fr/ns/alto")),
}
SIDE_FILES = ("mets.xml", "metadata.xml")  # that exports put beside the pages


def format_of(name: str, namespace: str) -> str | None:
    """The format of a file whose root element has this name and namespace; None where it is neither."""
    for format_name, (root, _) in FORMATS.items():
        if name == root and (not namespace or is_in(namespace, format_name)):
            return format_name
    return None


def is_in(namespace: str, format_name: str) -> bool:
    """Whether a namespace is one of the format's, of whatever version."""
    return namespace.partition("://")[2].startswith(FORMATS[format_name][1])


def is_page_file(name: str) -> bool:
    """Whether a file may describe a page, by its name."""
    return name.lower().endswith(".xml") and name.lower() not in SIDE_FILES
