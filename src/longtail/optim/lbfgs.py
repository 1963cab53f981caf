"""L-BFGS: a smooth problem over all rows at once, solved until its gradient is nothing, by SciPy.

``min_W  sum_i s_i loss(z_i, y_i) + 1 / (2 c N) |W|^2``, the ``s_i`` summing to 1: scikit-learn's logistic regression
where the loss is cross-entropy and every ``s_i`` is 1 / N.

Source: Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical Programming 1989.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Solved:
    """How a solution was reached.

    Attributes:
        converged: was the stopping rule met before the iterations ran out?
        iterations: of L-BFGS.
        value: of the objective, penalty included.
    """

    converged: bool
    iterations: int
    value: float


class LBFGS:
    """Args:
        c: inverse strength of the penalty on the weights, as in scikit-learn; of several, from small to large, the one
            that is best on rows left out.
        tolerance: the largest entry of the gradient at which it stops.
        iterations: at most.

    Raises:
        ValueError: a setting that is not positive.

    >>> w = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    >>> LBFGS().minimise(lambda: (w - 3).square().sum(), [w]).converged, round(w.item(), 3)
    (True, 3.0)
    """

    def __init__(
        self,
        c: float | tuple[float, ...] = (0.01, 0.1, 1.0, 10.0),
        tolerance: float = 1e-5,
        iterations: int = 2000,
    ) -> None:
        c = c if isinstance(c, tuple) else (c,)
        if not (c and min(c) > 0 and tolerance > 0 and iterations > 0):
            raise ValueError(f"c={c}, tolerance={tolerance} and iterations={iterations} must be positive")
        self.c, self.tolerance, self.iterations = c, tolerance, iterations

    def minimise(self, value: Callable[[], Tensor], parameters: Sequence[Tensor]) -> Solved:
        """Put the parameters (float64, in place) where ``value()`` is least.

        Args:
            value: the objective; it may also call ``backward`` on parts of itself and return a detached number.
            parameters: what it depends on.
        """
        from scipy.optimize import minimize

        shapes = [p.shape for p in parameters]
        sizes = [p.numel() for p in parameters]

        def put(x: np.ndarray) -> None:
            with torch.no_grad():
                for p, t, shape in zip(parameters, torch.from_numpy(x).split(sizes), shapes):
                    p.copy_(t.view(shape))

        def at(x: np.ndarray) -> tuple[float, np.ndarray]:
            put(x)
            for p in parameters:
                p.grad = None
            found = value()
            if found.requires_grad:
                found.backward()
            grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
            return float(found.detach()), torch.cat([g.reshape(-1) for g in grads]).cpu().numpy()

        start = torch.cat([p.detach().reshape(-1) for p in parameters]).cpu().numpy()
        found = minimize(
            at, start, jac=True, method="L-BFGS-B",
            options={"maxiter": self.iterations, "maxfun": 4 * self.iterations, "gtol": self.tolerance, "ftol": 1e-15},
        )  # fmt: skip
        put(found.x)
        done = bool(np.abs(found.jac).max() <= 10 * self.tolerance) or found.status == 0
        return Solved(done, int(found.nit), float(found.fun))
