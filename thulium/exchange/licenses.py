"""The licences that both the Hub and HTRMoPo know, by their SPDX identifiers.

Source: the Hub's list of licences (docs/hub/repositories-licenses), which are in small letters there, and
https://licenses.opendefinition.org, which HTRMoPo names.
"""

from __future__ import annotations

import difflib

LICENSES = (
    "AGPL-3.0",
    "Apache-2.0",
    "Artistic-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC-BY-4.0",
    "CC-BY-NC-4.0",
    "CC-BY-NC-ND-4.0",
    "CC-BY-NC-SA-4.0",
    "CC-BY-ND-4.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "ECL-2.0",
    "EPL-1.0",
    "EPL-2.0",
    "EUPL-1.1",
    "GPL-2.0",
    "GPL-3.0",
    "ISC",
    "LGPL-2.1",
    "LGPL-3.0",
    "MIT",
    "MPL-2.0",
    "MS-PL",
    "NCSA",
    "OFL-1.1",
    "OSL-3.0",
    "PostgreSQL",
    "Unlicense",
    "Zlib",
)


def find(given: str) -> str | None:
    """The identifier that a person means, however it is written; None if there is none."""
    plain = given.strip().lower().replace(" ", "-").removesuffix("-only").removesuffix("-or-later")
    return next((known for known in LICENSES if known.lower() == plain), None)


def advice(given: str) -> str:
    """What may have been meant."""
    close = difflib.get_close_matches(given.strip().lower().replace(" ", "-"), [name.lower() for name in LICENSES], 1)
    return f"did you mean {find(close[0])}?" if close else f"there are {', '.join(LICENSES)}"
