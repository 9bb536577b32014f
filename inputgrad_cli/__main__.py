"""`python -m inputgrad_cli` is the command `inputgrad`."""

from inputgrad_cli.cli.main import main

if __name__ == "__main__":
    main()
