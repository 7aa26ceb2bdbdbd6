"""Commands of Thulium in the process of a test, which is quicker than one of their own."""

from __future__ import annotations

from click.testing import CliRunner, Result

from thulium.cli.main import app
from thulium_dsl.messages.problems import ThuliumError


def call(*words: object) -> Result:
    """Run a command; what it raises beside its own refusals is a fault of ours."""
    done = CliRunner().invoke(app, [*map(str, words)])
    if done.exception and not isinstance(done.exception, (SystemExit, ThuliumError)):
        raise done.exception
    return done


def refusal(*words: object) -> str:
    """What a command says that refuses to work."""
    done = call(*words)
    assert isinstance(done.exception, ThuliumError), done.output
    return str(done.exception)
