"""Messages in the words of the command line."""

import pytest

from longtail.cli.options import READING, as_options
from longtail.words import nearest, printable


@pytest.mark.parametrize(
    "message, shown",
    [
        ("(name another with label=)", "(name another with --label)"),
        ("pass text='the remark' to read it so", "pass --text 'the remark' to read it so"),
        ("header=False, or header=True", "--no-header, or --header"),
        ("leave such rows out with skip_bad=True", "leave such rows out with --skip-bad"),
        ("skip_bad=True, kind='table'", "--skip-bad, --kind table"),
        ("k=3 folds; nolabel=; label==x; a.label=", "k=3 folds; nolabel=; label==x; a.label="),
        ("the column 'label=x' is odd", "the column 'label=x' is odd"),
        ("label=[1, 2] is not one", "label=[1, 2] is not one"),
        ("two\nlines\x1b[2J", "two\nlines\\x1b[2J"),
    ],
)
def test_arguments_are_said_as_options(message, shown) -> None:
    assert as_options(message, READING) == shown


def test_what_is_no_option_of_the_command_stays() -> None:
    assert as_options("lower folds=3, or name label=", ["label"]) == "lower folds=3, or name --label"


@pytest.mark.parametrize("character", ["\x1b", "\x00", "\r", "\n", "\x9b", "\u202e", "\u2066", "\x7f"])
def test_no_character_acts_on_a_terminal(character) -> None:
    assert character not in printable(f"a{character}b")
    assert printable("naïve 味道 😀") == "naïve 味道 😀"


def test_the_nearest_name_is_near() -> None:
    assert nearest("Lable", ["label", "other"]) == "; did you mean 'label'?"
    assert nearest("zzz", ["label"]) == ""
    assert nearest("x", []) == ""
