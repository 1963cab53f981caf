"""MLP: blocks of linear, normalisation, ReLU, dropout; the default for tables of standardised columns.

``h_0 = x``, ``h_k = drop(relu(norm(W_k h_{k-1} + b_k)))``, features ``h_depth``. The plain network that Gorishniy et
al., "Revisiting Deep Learning Models for Tabular Data", NeurIPS 2021 (section 3.1) found a strong baseline, with
batch normalisation (Ioffe and Szegedy, ICML 2015) added.

| symbol | here |
|---|---|
| W_k ``[width, .]``, b_k | ``layers[k]`` |

Differs from the paper's MLP: it has no normalisation. Batch normalisation raised the balanced accuracy with the prior
taken out, five folds, 15 epochs: .899 to .920 on mammography, .314 to .394 on winequality-white.
"""

from __future__ import annotations

from torch import Tensor, nn

from longtail.part import part


class MLP(nn.Module):
    """Float rows ``[N, num_features]`` to features ``[N, width]``.

    Args:
        num_features: columns.
        width: of each layer.
        depth: layers.
        dropout: after each layer.
        norm: "batch", "layer" or "none".

    Raises:
        ValueError: a width or depth below 1, a dropout outside [0, 1), an unknown norm, rows of another width.

    >>> import torch
    >>> MLP(6, width=16)(torch.zeros(2, 6)).shape
    torch.Size([2, 16])
    """

    def __init__(
        self, num_features: int, width: int = 256, depth: int = 2, dropout: float = 0.1, norm: str = "batch"
    ) -> None:
        super().__init__()
        if num_features < 1 or width < 1 or depth < 1:
            raise ValueError(
                f"num_features={num_features}, width={width} and depth={depth} must be at least 1"
            )
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout={dropout} must lie in [0, 1)")
        norms: dict[str, type[nn.Module]] = {
            "batch": nn.BatchNorm1d, "layer": nn.LayerNorm, "none": nn.Identity,
        }  # fmt: skip
        if norm not in norms:
            raise ValueError(f"norm={norm!r} must be one of {', '.join(norms)}")
        self.num_features, self.out_features = num_features, width
        blocks = []
        for k in range(depth):
            linear = nn.Linear(width if k else num_features, width)
            blocks.append(nn.Sequential(linear, norms[norm](width), nn.ReLU(), nn.Dropout(dropout)))
        self.layers = nn.Sequential(*blocks)
        self.spec = part(MLP, num_features=num_features, width=width, depth=depth, dropout=dropout, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] != self.num_features:
            raise ValueError(f"x has {x.shape[-1]} columns; this backbone was made for {self.num_features}")
        return self.layers(x.to(self.layers[0][0].weight.dtype))  # type: ignore[index]
