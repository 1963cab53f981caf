"""m2m: late in the training, rows of rare classes give way to frequent ones that were led across the border.

Paper: Kim, Jeong and Shin, M2m: Imbalanced classification via major-to-minor translation, CVPR 2020.
Claim: rows made from frequent classes bring variety that drawing the same rare rows again cannot. CIFAR-10-LT 76.2 %,
CIFAR-100-LT 41.9 % at imbalance 100 (a re-run by the MAMix authors' library).

Reach for it on images or dense features where the rarest classes have a handful of rows. It costs a run of erm first,
and while it translates ten passes through both nets a step.

On text it is refused: words cannot be moved by small steps. beta is that of CIFAR-10; 0.9999 is for more frequent
classes. Differs from the authors' code: see ``longtail.objectives.Translated``; the teacher starts from the same weights.
"""

from longtail.objectives import Translated
from longtail.part import part, switch
from longtail.recipe import Recipe, Stage
from longtail.recipes.erm import erm
from longtail.samplers import ClassBalanced


def m2m(
    base: Stage,
    *,
    beta: float = 0.999,
    gamma: float = 0.9,
    lam: float = 0.5,
    steps: int = 10,
    step: float = 0.1,
    start: float = 0.8,
) -> Recipe:
    """erm is the teacher; the net trains plainly, from ``start`` on on class-balanced rows, rare ones translated."""
    own = part(Translated, beta=beta, gamma=gamma, lam=lam, steps=steps, step=step, start=start)
    stage = base.but(
        name="m2m",
        streams=(switch({0.0: base.streams[0], start: part(ClassBalanced)}),),
        objective=own,
        mix=None,
    )
    return Recipe("m2m", (stage,), teachers=(erm(base),))
