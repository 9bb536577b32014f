"""`--ranges FILE`: what is read from TOML and CSV, and how mistakes are told."""

import math

import pytest

from inputgrad_cli.errors import UsageError
from inputgrad_cli.formats.tables.feature_ranges_file import read_feature_ranges

CSV = """feature,low,high,kind,step,direction,group
age,18,90,integer,,up,
income,0,,,100,both,

red,,,category,,,colour
"two, words",-inf,1e3,number,,,
"""
TOML = """
[age]
low = 18
high = 90
kind = "integer"
direction = "up"

["two words"]
high = 1e3
cost = 0.5
"""


def write(path, text):
    path.write_text(text)
    return path


def refuse(tmp_path, text, name="r.csv"):
    path = write(tmp_path / name, text)
    with pytest.raises(UsageError) as caught:
        read_feature_ranges(path)
    sentence = caught.value.format_line()
    assert sentence.isprintable()
    assert len(sentence) < 600
    return sentence.replace(f"{tmp_path}/", "")


def test_csv_gives_the_cells_that_are_not_empty(tmp_path):
    path = write(tmp_path / "r.csv", CSV)
    ranges = read_feature_ranges(path)
    assert [(entry.name, dict(entry.values)) for entry in ranges] == [
        ("age", {"low": 18, "high": 90, "kind": "integer", "direction": "up"}),
        ("income", {"low": 0, "step": 100, "direction": "both"}),
        ("red", {"kind": "category", "group": "colour"}),
        ("two, words", {"low": -math.inf, "high": 1000, "kind": "number"}),
    ]
    assert [entry.location for entry in ranges] == [f"{path}:{line}" for line in (2, 3, 5, 6)]


def test_semicolons_tabs_and_byte_order_marks_are_read(tmp_path):
    plain = "feature,low\nage,1\n"
    for index, text in enumerate(
        [plain.replace(",", ";"), plain.replace(",", "\t"), f"\ufeff{plain}"]
    ):
        (entry,) = read_feature_ranges(write(tmp_path / f"{index}.csv", text))
        assert (entry.name, entry.values) == ("age", {"low": 1})


def test_toml_gives_a_table_for_each_feature(tmp_path):
    path = write(tmp_path / "r.toml", TOML)
    age, words = read_feature_ranges(path)
    assert dict(age.values) == {"low": 18, "high": 90, "kind": "integer", "direction": "up"}
    assert (words.name, dict(words.values)) == ("two words", {"high": 1000, "cost": 0.5})
    assert (age.location, words.location) == (f"{path}:2", f"{path}:8")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "--ranges r.csv: the file names no feature"),
        ("feature,low\n", "--ranges r.csv: the file names no feature"),
        ("name,low\na,1\n", "r.csv:1: there is no column 'name'; the columns are feature, low"),
        ("feature,hgh\na,1\n", "r.csv:1: there is no column 'hgh'; did you mean 'high'?"),
        ("low,high\n1,2\n", "r.csv:1: no column is called 'feature'; begin with feature,low,"),
        ("feature,low,low\na,1,2\n", "r.csv:1: the column 'low' is given twice"),
        ("feature,low\na\n", "r.csv:2: 1 columns, not 2"),
        ("feature,low\na,1\nb,one\n", "r.csv:3: low is not a number; received: one"),
        ("feature,low\na,nan\n", "r.csv:2: low is not a number"),
        ("feature,low\n,1\n", "r.csv:2: the name of a feature is empty"),
        ("feature,step\na,0\n", "r.csv:2: step must be above 0; received: 0"),
        ("feature,kind\na,intger\n", "r.csv:2: there is no kind 'intger'; did you mean 'integer'?"),
        ("feature,direction\na,left\n", "r.csv:2: there is no direction 'left'; it is both, up, d"),
        ('feature,low\n"a,1\n', "r.csv:2: not a line of a table (unexpected end of data)"),
        ("feature,low\na\x07,1\n", "r.csv:2: the name of a feature is not text that can be shown"),
    ],
)
def test_mistakes_in_csv_are_a_sentence_with_the_line(text, message, tmp_path):
    assert refuse(tmp_path, text).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "--ranges r.toml: the file names no feature"),
        ("low = 1\n", "r.toml:1: 'low' is not a table; write [low], and below it low = 0"),
        ("[a]\nlow = true\n", "r.toml:1: low is not a number; received: True"),
        ("[a]\nlow = [1]\n", "r.toml:1: low is not a number; received: [1]"),
        ("\n[a]\nlo = 1\n", "r.toml:2: there is no key 'lo'; did you mean 'low'?"),
        ("[a]\nkind = 3\n", "r.toml:1: kind is not text that can be shown; received: 3"),
        ('[a]\ngroup = "x\\u0007"\n', "r.toml:1: group is not text"),
        ("[a\n", "r.toml: not TOML; Expected ']' at the end of a table declaration"),
        ("a" + ".a" * 5000 + " = 1\n", "r.toml: not TOML; it has too many points"),
    ],
)
def test_mistakes_in_toml_are_a_sentence_with_the_line(text, message, tmp_path):
    assert refuse(tmp_path, text, "r.toml").startswith(message)


def test_a_file_that_is_missing_is_a_sentence(tmp_path):
    with pytest.raises(UsageError, match=r"--ranges .* cannot be read"):
        read_feature_ranges(tmp_path / "none.csv")
