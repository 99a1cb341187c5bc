"""The same as the console script, from the project's folder: `python -m deployments.cli`."""

from deployments.cli.app import main

main()
