"""`make docs`: writes the generated tables of the READMEs anew."""

from pathlib import Path

from inputgrad_cli.describe.goals import format_goals_table
from inputgrad_cli.describe.methods import format_methods_table

PACKAGE = Path(__file__).parent.parent / "inputgrad_cli"


def write_table(page, name, table):
    """Replace what stands between the marks of a table, `<!-- name -->` and `<!-- /name -->`."""
    before, rest = page.read_text().split(f"<!-- {name} -->")
    after = rest.split(f"<!-- /{name} -->")[1]
    page.write_text(f"{before}<!-- {name} -->\n{table}\n<!-- /{name} -->{after}")


def main():
    """Write the tables of methods and of goals."""
    write_table(PACKAGE / "methods" / "README.md", "methods", format_methods_table())
    write_table(PACKAGE / "optimization" / "README.md", "goals", format_goals_table())


if __name__ == "__main__":
    main()
