"""Runs the command `inputgrad` for `python -m inputgrad_cli`."""

from inputgrad_cli.cli.main import main

if __name__ == "__main__":
    main()
