"""Hub: reading Hugging Face folders and cached models, without a network unless asked, and never running their code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

OWN_CODE = ("auto_map", "custom_pipelines", "_name_or_path", "transformers_version", "_attn_implementation")
"""Keys of a config that name code or paths: they do not enter a saved model."""
ELSEWHERE = (
    *OWN_CODE, "attn_implementation", "experts_implementation", "_experts_implementation", "backbone", "backbone_kwargs",
    "use_pretrained_backbone", "use_timm_backbone", "use_timm_pretrained_backbone", "timm_model_name",
    "quantization_config", "use_kernels", "adapter_path", "name_or_path",
)  # fmt: skip
"""Keys of a config that can make transformers read other files or ask the hub: a saved model has none of them."""
POOLER = ("pooler.", "encoder.pooler.")
"""The pooling layer, which many checkpoints lack: it is used only where asked for."""


def transformers_of(source: str) -> Any:
    """The transformers library.

    Raises:
        ImportError: it is not installed; says what to install.
    """
    try:
        import transformers
    except ImportError as why:
        raise ImportError(f'backbone hf:{source} needs transformers: pip install "longtail[text]"') from why
    return transformers


def find(source: str, name: str, download: bool = False) -> Path | None:
    """A file of a model: in the folder ``source``, or in the cache of that name; None where it has none."""
    if Path(source).is_dir():
        return file if (file := Path(source) / name).is_file() else None
    transformers_of(source)
    from transformers.utils import cached_file

    try:
        found = cached_file(
            source, name, local_files_only=not download, _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
        )  # fmt: skip
    except OSError:
        return None
    return Path(found) if found else None


def read_json(source: str, name: str, download: bool = False) -> Any:
    """The JSON of a file of a model; None where it has none."""
    file = find(source, name, download)
    return None if file is None else json.loads(file.read_text(encoding="utf-8"))


def state_of(source: str, download: bool = False) -> str:
    """The weight files of a model with sizes and times: another state is another model."""
    config = find(source, "config.json", download)
    if config is None:
        return ""
    files = sorted(
        p for p in config.parent.iterdir() if p.suffix in (".safetensors", ".bin", ".json") and p.is_file()
    )
    return " ".join(f"{p.name}:{p.stat().st_size}:{p.stat().st_mtime_ns}" for p in files)


def pretrained_model(source: str, part: str, download: bool) -> tuple[nn.Module, str]:
    """The base model of a folder or a cached name with its weights, in float32, and its config for :func:`empty_model`.

    Args:
        part: "text" or "vision": which tower of a model that has both (CLIP, SigLIP).

    Raises:
        ValueError: it is not on this machine (and may not be downloaded), is no model, or is one that needs its own code.
    """
    transformers = transformers_of(source)
    where = {"local_files_only": not download, "trust_remote_code": False}
    try:
        with quiet(transformers):
            config = transformers.AutoConfig.from_pretrained(source, **where)
            config = getattr(config, f"{part}_config", config)
            model, info = transformers.AutoModel.from_pretrained(
                source, config=config, output_loading_info=True, **where
            )
    except (OSError, ValueError, KeyError) as why:
        raise ValueError(
            f"backbone hf:{source}: no model that can be read on this machine ({str(why).splitlines()[0]}). Give a "
            "folder that save_pretrained wrote, or add download=yes to allow the hub"
        ) from why
    missing = sorted(name for name in info["missing_keys"] if not name.startswith(POOLER))
    if missing:  # transformers would draw them at random and go on
        raise ValueError(
            f"backbone hf:{source} has no weights for {', '.join(missing[:3])} ({len(missing)} in all): these are not "
            "the weights of that model"
        )
    if info["missing_keys"]:
        drop_pooler(model)
    return encoder_of(model).float(), config_json(model.config)


@contextmanager
def quiet(transformers: Any) -> Iterator[None]:
    """Without transformers' progress bars and its list of weights that are not needed; what is wrong is raised."""
    log = transformers.utils.logging
    level, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if bars:
            log.enable_progress_bar()


def encoder_of(model: nn.Module) -> nn.Module:
    """The encoder of an encoder-decoder; any other model itself."""
    if getattr(model.config, "is_encoder_decoder", False):
        return model.get_encoder()  # type: ignore[operator]
    return model


def config_json(config: Any) -> str:
    """A config as JSON that :func:`empty_model` rebuilds the model from."""
    facts = {k: v for k, v in config.to_dict().items() if k not in ELSEWHERE}
    return json.dumps(facts, sort_keys=True)


def empty_model(config: str) -> nn.Module:
    """A model of that config with fresh weights, in float32. Its class is transformers' own, whatever the config says.

    Raises:
        ValueError: no JSON of a config, or one that would read other files or ask the hub.
    """
    transformers = transformers_of("config")
    try:
        facts = json.loads(config)
    except (ValueError, TypeError, RecursionError) as why:
        raise ValueError(f"config is no JSON: {why}") from None
    if not isinstance(facts, dict) or not isinstance(facts.get("model_type"), str):
        raise ValueError("config names no model_type of transformers")
    if reaching := sorted(set(_keys(facts)) & set(ELSEWHERE)):
        raise ValueError(f"config holds {reaching[0]!r}, which can read other files or ask the hub: refused")
    made = transformers.AutoConfig.for_model(facts.pop("model_type"), **facts)
    made.dtype = None
    return encoder_of(transformers.AutoModel.from_config(made, trust_remote_code=False)).float()


def _keys(value: Any) -> Iterator[str]:
    """Every key of a JSON value that holds something."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, v in inside:
        if isinstance(key, str) and v is not None and v is not False:
            yield key
        yield from _keys(v)


def drop_pooler(model: nn.Module) -> None:
    """Take off a pooling layer that has weights and is not used: it would be saved and never trained."""
    pooler = getattr(model, "pooler", None)
    if pooler is not None and next(pooler.parameters(), None) is not None:
        model.pooler = None  # type: ignore[assignment]


def width_of(model: nn.Module) -> int:
    """The features that a model gives."""
    config: Any = model.config
    return int(getattr(config, "hidden_size", None) or config.hidden_sizes[-1])
