"""LoRA: low-rank adapters beside the attention's projections (Hu et al., "LoRA", ICLR 2022), by the peft library.

``W x`` becomes ``W x + (alpha / r) B A x``, A drawn at random and B zero, so the net starts as it was.

| symbol | here |
|---|---|
| r | ``rank`` |
| alpha | ``2 rank`` |

Adapted are the query and value projections, as in the paper; every linear layer where there is no attention (ConvNeXt).
"""

from __future__ import annotations

from torch import nn

ATTENTION = frozenset(
    {"query", "value", "q_proj", "v_proj", "q_lin", "v_lin", "query_proj", "value_proj", "q", "v", "qkv", "Wqkv"}
)  # fmt: skip
TRAINED = "backbone.*lora_*"
"""The glob of the adapters' parameters in a net."""


def targets(model: nn.Module) -> tuple[str, ...]:
    """Names of the linear layers to adapt.

    Raises:
        ValueError: the model has no linear layer.
    """
    linear = [name for name, m in model.named_modules() if isinstance(m, nn.Linear)]
    chosen = [name for name in linear if name.rpartition(".")[2] in ATTENTION]
    if not linear:
        raise ValueError(
            f"tune=lora: {type(model).__name__} has no linear layer to adapt; use frozen or full"
        )
    return tuple(chosen or linear)


def add_lora(model: nn.Module, rank: int) -> nn.Module:
    """Put adapters into ``model``, in place. A is drawn from torch's global generator.

    Raises:
        ImportError: peft is not installed.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as why:
        raise ImportError('tune=lora needs peft: pip install "longtail[text]"') from why
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=list(targets(model)), lora_dropout=0.0)
    return inject_adapter_in_model(config, model)
