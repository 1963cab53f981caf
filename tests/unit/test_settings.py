"""Settings in strings."""

import pytest

from longtail.settings import known_settings, read, taken_apart, written_down


def recipe(base, *, gamma: float = 2.0, views: int = 0, head: int | None = None, shifted: bool = False, kind: str = "l2",
           then: object = None):  # fmt: skip
    """A recipe with a setting of each kind."""


KNOWN = known_settings(recipe)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("gamma=1", 1.0), ("gamma=-.5", -0.5), ("gamma=1e-3", 0.001), ("views=4", 4), ("views=1e2", 100),
        ("head=none", None), ("head=3", 3), ("shifted=true", True), ("shifted=False", False),
        ("kind=cosine", "cosine"), ("kind=2", "2"),
    ],
)  # fmt: skip
def test_a_value_is_what_the_parameter_may_be(text, value):
    name, given = taken_apart(f"recipe:{text}")
    found = read(f"recipe:{text}", given, KNOWN)
    assert name == "recipe"
    assert found == {text.partition("=")[0]: value}
    assert type(next(iter(found.values()))) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "recipe:gama=1",
            "recipe has no setting 'gama'; did you mean 'gamma'?; its settings are gamma, views, head",
        ),
        ("recipe:then=1", "recipe has no setting 'then'"),
        ("recipe:base=1", "recipe has no setting 'base'"),
        ("recipe:gamma=much", "gamma=much must be a number"),
        ("recipe:gamma=nan", "gamma=nan must be a number"),
        ("recipe:gamma=none", "gamma=none must be a number"),
        ("recipe:views=1.5", "views=1.5 must be a whole number"),
        ("recipe:head=1.5", "head=1.5 must be a whole number or none"),
        ("recipe:shifted=1", "shifted=1 must be true or false"),
    ],
)
def test_what_it_may_not_be_is_said(text, said):
    with pytest.raises(ValueError, match=r"recipes: 'recipe:.*'") as why:
        read(text, taken_apart(text)[1], KNOWN)
    assert said in str(why.value)


@pytest.mark.parametrize(
    "text", ["focal:gamma", "focal:gamma=", "focal:=1", "focal:", "focal:gamma=1:", "focal:a=1:a=2"]
)
def test_half_a_setting_is_an_error(text):
    with pytest.raises(ValueError, match=f"recipes: {text!r}"):
        taken_apart(text)


def test_no_settings_at_all():
    with pytest.raises(ValueError, match="erm has no setting 'x'; it has no settings"):
        read("erm:x=1", {"x": "1"}, {})


def test_written_down_and_read_again():
    settings = {"gamma": 0.25, "views": 3, "head": None, "shifted": True, "kind": "l2"}
    text = written_down("recipe", settings)
    assert text == "recipe:gamma=0.25:views=3:head=none:shifted=true:kind=l2"
    assert read(text, taken_apart(text)[1], KNOWN) == settings
