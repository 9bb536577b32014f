"""`make docs`: writes the generated tables of the READMEs anew."""

from pathlib import Path

from inputgrad_cli.describe.methods import format_methods_table

METHODS = Path(__file__).parent.parent / "inputgrad_cli" / "methods" / "README.md"


def main():
    """Replace what stands between the marks of the table of methods."""
    before, rest = METHODS.read_text().split("<!-- methods -->")
    after = rest.split("<!-- /methods -->")[1]
    table = format_methods_table()
    METHODS.write_text(f"{before}<!-- methods -->\n{table}\n<!-- /methods -->{after}")


if __name__ == "__main__":
    main()
