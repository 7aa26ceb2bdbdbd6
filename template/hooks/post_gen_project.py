"""Make the project a git repository and a DVC project with a first commit, which experiments need."""

import subprocess
import sys


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print("%s failed:\n%s%s" % (" ".join(command), done.stdout, done.stderr), file=sys.stderr)
        sys.exit(1)


def has_identity():
    names = ("user.name", "user.email")
    return all(subprocess.run(["git", "config", name], capture_output=True).returncode == 0 for name in names)


run("git", "init", "--quiet", "--initial-branch=main")
run("dvc", "init", "--quiet")
# Temporary runs then share the data with the project instead of copying it.
run("dvc", "config", "cache.type", "hardlink,copy")
run("dvc", "config", "core.autostage", "true")
if not has_identity():
    run("git", "config", "user.name", "Thulium project")
    run("git", "config", "user.email", "thulium@localhost")
    print("git knows no user.name here; the project uses 'Thulium project' until you set your own with git config")
run("git", "add", ".")
run("git", "commit", "--quiet", "--message", "Start from the Thulium template")
