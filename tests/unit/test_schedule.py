import pytest

from longtail.schedule import Constant, Cosine, LinearDecay, Steps


def test_values():
    assert Constant()(0.3) == 1.0
    assert [round(Cosine(warmup=0.5)(t), 6) for t in (0, 0.25, 0.5, 0.75, 1)] == [0, 0.5, 1, 0.5, 0]
    assert Cosine(floor=0.1)(1.0) == 0.1
    assert [LinearDecay(warmup=0.5)(t) for t in (0.25, 0.5, 0.75, 1.0)] == [0.5, 1.0, 0.5, 0.0]
    steps = Steps(milestones=(0.8, 0.9), factor=0.01, warmup=0.025)
    assert [round(steps(t), 6) for t in (0.0125, 0.5, 0.8, 0.9)] == [0.5, 1, 0.01, 0.0001]


@pytest.mark.parametrize(
    "make", [lambda: Cosine(warmup=1.0), lambda: Steps(warmup=-1), lambda: LinearDecay(warmup=2)]
)
def test_a_warm_up_is_a_share(make):
    with pytest.raises(ValueError, match="share of the training"):
        make()


def test_milestones_must_increase():
    with pytest.raises(ValueError, match="must increase"):
        Steps(milestones=(0.9, 0.8))
