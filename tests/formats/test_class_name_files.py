"""Files of class names: small, shallow, of texts that can be shown; a pipe where one is named."""

import json
import os
import threading

import pytest

from inputgrad_cli.errors import UsageError
from inputgrad_cli.formats.class_name_files import find_labels, read_labels
from tests.processor_cost import limit_cost


def refusal(path, regular=False):
    with pytest.raises(UsageError) as caught:
        read_labels(path, regular)
    sentence = caught.value.format_line()
    assert sentence.isprintable()
    assert len(sentence) < 600
    return sentence


def write(path, text):
    path.write_text(text) if isinstance(text, str) else path.write_bytes(text)
    return path


def test_lists_in_every_writing_are_read(tmp_path):
    expected = ("cat", "dog")
    for index, text in enumerate(["cat\ndog\n", "cat\r\ndog\r\n", "\ufeffcat\ndog", "cat\rdog"]):
        assert read_labels(write(tmp_path / f"{index}.txt", text)) == expected
    forms = [
        ["cat", "dog"],
        {"0": "cat", "1": "dog"},
        {"cat": 0, "dog": 1},
        {"0": ["n1", "cat"], "1": ["n2", "dog"]},
    ]
    for index, form in enumerate(forms):
        assert read_labels(write(tmp_path / f"{index}.json", json.dumps(form))) == expected
    assert read_labels(write(tmp_path / "n.json", "[1, 2.5]")) == ("1", "2.5")
    assert read_labels(write(tmp_path / "t.txt", "n01\ttench\n")) == ("n01\ttench",)


@pytest.mark.parametrize(
    "text",
    ['{"0": []}', '{"0": null}', '{"0": {"a": 1}}', '{"1": "a"}', '{"-1": "a"}', '{"x": "a"}',
     "[null]", "[[]]", "[{}]", "1", "null", '"cat"', "{", "[" * 100_000, "[" * 400 + "]" * 400,
     '{"' + "9" * 5000 + '": "a"}', '{"a": 1e999}', '{"a": NaN}'],
)  # fmt: skip
def test_json_of_any_other_form_is_one_sentence(text, tmp_path):
    assert "not a list of names" in refusal(write(tmp_path / "a.json", text))


@pytest.mark.parametrize("name", ["a\x1b[2J", "a\u202eb", "\ud800", "x" * 1001, "a\0"])
def test_names_that_cannot_be_shown_are_refused(name, tmp_path):
    assert "class 1" in refusal(write(tmp_path / "a.json", json.dumps(["a", name])))


def test_large_files_are_refused_and_never_held(tmp_path):
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(1 << 40)
    with limit_cost(jobs=30):
        assert "too large" in refusal(tmp_path / "a.txt")
        zero = tmp_path / "zero"
        assert "too large" in refusal(zero.symlink_to("/dev/zero") or zero)
    refusal(write(tmp_path / "b.txt", b"\xff\xfe\x00"))
    refusal(tmp_path / "none.txt")
    refusal(tmp_path)


def test_only_what_the_user_names_may_be_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refusal(tmp_path / "pipe", regular=True)
    writer = threading.Thread(target=write, args=(tmp_path / "pipe", "cat\ndog\n"), daemon=True)
    writer.start()
    assert find_labels(tmp_path / "net.keras", tmp_path / "pipe") == ("cat", "dog")
    writer.join(5)


def test_an_empty_file_is_refused_by_its_name(tmp_path):
    path = tmp_path / "net.labels.txt"
    for text in ("", "\n\n"):
        path.write_text(text)
        with pytest.raises(UsageError, match=r"net\.labels\.txt: is empty"):
            read_labels(path)
