"""Make the project a DVC project in git, with a first commit, which experiments need; and say what comes next.

In a git repository that is there already, DVC works in the project's folder alone, and the commit is left to its owner.
"""

import os
import signal
import subprocess
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback

HERE = os.getcwd()
SLUG = {{ cookiecutter.project_slug | tojson }}
DATASET = {{ cookiecutter.dataset | tojson }}
DATA = {
    "custom": ("put images/ and labels.txt into data/train, data/val and data/test", "data/train data/val data/test"),
    "gt_txt": ("put the line images and their .gt.txt files into data/lines", "data/lines"),
    "page": ("put the page images and their PAGE files into data/pages", "data/pages"),
    "alto": ("put the page images and their ALTO files into data/pages", "data/pages"),
    "parquet": ("put the tables into data/lines", "data/lines"),
}


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode and not os.path.isdir(HERE):
        sys.exit(1)  # `thulium init` was interrupted, and has removed the project: it has said so, this would be noise
    if done.returncode:
        print("%s failed:\n%s%s" % (" ".join(command), done.stdout, done.stderr), file=sys.stderr)
        sys.exit(1)


def output_of(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def start_dvc(*words):
    run("dvc", "init", "--quiet", *words)
    # Temporary runs then share the data with the project instead of copying it.
    run("dvc", "config", "cache.type", "hardlink,copy")
    run("dvc", "config", "core.autostage", "true")


def start_repository():
    run("git", "init", "--quiet", "--initial-branch=main")
    start_dvc()
    if not (output_of("git", "config", "user.name") and output_of("git", "config", "user.email")):
        run("git", "config", "user.name", "Thulium project")
        run("git", "config", "user.email", "thulium@localhost")
        print("git knows no user.name here; the project uses 'Thulium project' until you set your own with git config")
    run("git", "add", ".")
    run("git", "commit", "--quiet", "--message", "Start from the Thulium template")


def next_steps(is_committed):
    steps = ["cd " + os.environ.get("THULIUM_INIT_FOLDER", SLUG)]
    if not is_committed:
        steps.append("git commit -m 'Start %s'    # experiments need it" % SLUG)
    if DATASET in DATA:
        what, folders = DATA[DATASET]
        steps += ["# " + what, "dvc add %s" % folders, "thulium prepare --dry    # reads and checks all of it, writes nothing"]
    return [*steps, "dvc repro"]


repository = output_of("git", "rev-parse", "--show-toplevel")
if repository:
    start_dvc("--subdir")
    run("git", "add", ".")
    print("it lies in the git repository %s, and DVC works in its folder alone (dvc init --subdir)" % repository)
else:
    start_repository()
if "THULIUM_INIT_HAS_DATA" not in os.environ:  # `thulium init --from` brings the data, and says then what comes next
    print("made %s; next:" % SLUG)
    print("\n".join("  " + step for step in next_steps(is_committed=not repository)))
