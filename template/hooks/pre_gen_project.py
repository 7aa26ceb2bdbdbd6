"""Refuse a project that could not work, before anything is written."""

import os
import re
import shutil
import sys

SLUG = {{ cookiecutter.project_slug | tojson }}

problems = []
if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", SLUG):
    problems.append(
        "project_slug: %r cannot be a folder name here: use letters, digits, '-', '_' and '.', a letter or digit first" % SLUG
    )
problems += [
    "%s was not found: %s" % (tool, how)
    for tool, how in (("git", "install git"), ("dvc", "pip install thulium, in an environment that is active"))
    if shutil.which(tool) is None
]
above = os.path.dirname(os.getcwd())
if above.endswith(".thulium-init"):  # where `thulium init` makes a project, before it is moved one folder up
    above = os.path.dirname(above)
if all(os.path.isdir(os.path.join(above, name)) for name in ("thulium", "thulium_dsl", "template")):
    problems.append("%s is Thulium's own checkout: make the project elsewhere, with --output-dir" % above)
if problems:
    print("\n".join(problems), file=sys.stderr)
    sys.exit(1)
