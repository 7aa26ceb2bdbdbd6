"""Files held against the published schemas of PAGE and ALTO, where these are at hand."""

import lab
import pytest
from lxml import etree

SCHEMAS = lab.CHECKOUT.parent / "shared" / "xsd"


def check(content: bytes) -> None:
    """Hold a file against its published schema; the test is skipped where that is not at hand."""
    root = etree.fromstring(content)
    namespace = etree.QName(root).namespace
    name = f"page-{namespace.rsplit('/', 1)[1]}.xsd" if "PAGE" in namespace else "alto-4-4.xsd"
    if not (SCHEMAS / name).exists():
        pytest.skip("the published schemas are not here")
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Links())
    etree.XMLSchema(etree.parse(str(SCHEMAS / name), parser)).assertValid(root)


class _Links(etree.Resolver):
    """Stands in for a schema that those of ALTO import by its address."""

    def resolve(self, url, _id, context):
        if "xlink" not in url:
            return None
        schema = '<s:schema xmlns:s="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.w3.org/1999/xlink">'
        return self.resolve_string(f'{schema}<s:attributeGroup name="simpleLink"/></s:schema>', context)
