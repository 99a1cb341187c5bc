"""The operator's command, in the process of the test."""

from typer.testing import CliRunner, Result

from deployments.cli.app import APP


def invoke(*arguments: str, stdin: str = "") -> Result:
    """Run `mailup-exchange` with these arguments; exit code, standard output and error."""
    return CliRunner().invoke(APP, list(arguments), input=stdin)
