"""EpochSampler in plain PyTorch, Lightning, Accelerate and the HF Trainer, on one process and on two gloo ranks.

Each framework trains on the numbers 0..N-1 and writes down what each rank saw, batch by batch. The ranks together must
have seen the one-process epochs, each from its own number: a sampler that was replaced, wrapped, or dealt out twice
shows at once, as the last tests see to.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from longtail.labels import Labels
from longtail.part import part, switch
from longtail.samplers import ClassBalanced, EpochSampler, Progressive, Shuffled
from longtail.testing.ranks import on_ranks

LABELS = Labels.of([0] * 40 + [1] * 9 + [2] * 3 + [3] * 4)
N, BATCH, EPOCHS, SEED = len(LABELS), 4, 3, 7


class Numbers(Dataset):
    """Example i is the number i."""

    def __len__(self) -> int:
        return N

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        return {"x": torch.tensor([float(i)]), "labels": LABELS.y[i]}


class Tiny(nn.Module):
    """A net that writes down what it is shown in training."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1, 4)
        self.seen: list[list[int]] = []

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        if self.training:
            self.seen.append(x[:, 0].long().tolist())
        logits = self.linear(x / N)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def sampler(**where: Any) -> EpochSampler:
    """The one that every framework gets, built the same way everywhere."""
    return EpochSampler(LABELS, Progressive(), seed=SEED, epochs=EPOCHS, **where)


def one_process() -> list[list[int]]:
    """The epochs as one process sees them."""
    alone, out = sampler(num_replicas=1), []
    for epoch in range(EPOCHS):
        alone.set_epoch(epoch)
        out.append(list(alone))
    return out


def check(seen: list[list[list[int]]], by_batch: bool = False) -> None:
    """``seen[rank]`` is that rank's batches. The ranks take turns by index, or by whole batches."""
    steps = {len(batches) for batches in seen}
    assert len(steps) == 1, f"the ranks took {steps} steps"
    (count,) = steps
    each = count // EPOCHS
    assert each * EPOCHS == count
    for epoch, want in enumerate(one_process()):
        own = [batches[epoch * each : (epoch + 1) * each] for batches in seen]
        got: list[int] = []
        if by_batch:
            for turn in zip(*own):
                got += [i for batch in turn for i in batch]
        else:
            for flat in zip(*([i for batch in batches for i in batch] for batches in own)):
                got += flat
        assert got[: len(want)] == want, f"epoch {epoch} is not the sampler's"
        assert len(got) - len(want) < BATCH * len(seen)


def start(rank: int, folder: str, world: int) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=world)


def plain(rank: int, folder: str, world: int, make: Callable[..., EpochSampler] = sampler) -> None:
    early = make()  # made before the processes know each other, as a script does before it spawns
    if world > 1:
        start(rank, folder, world)
    net: Any = Tiny()
    step = nn.parallel.DistributedDataParallel(net) if world > 1 else net
    loader = DataLoader(Numbers(), batch_size=BATCH, sampler=early)
    assert len(loader) == -(-N // (BATCH * world))
    for epoch in range(EPOCHS):
        early.set_epoch(epoch)
        for batch in loader:
            step(**batch)["loss"].backward()
    torch.save(net.seen, f"{folder}/{rank}.pt")


def accelerated(rank: int, folder: str, world: int, make: Callable[..., EpochSampler] = sampler) -> None:
    from accelerate import Accelerator

    ports(rank, folder, world)
    early = make()
    accelerator = Accelerator(cpu=True)
    assert accelerator.num_processes == world
    net = Tiny()
    step, loader = accelerator.prepare(net, DataLoader(Numbers(), batch_size=BATCH, sampler=early))
    for epoch in range(EPOCHS):
        loader.set_epoch(epoch)
        for batch in loader:
            accelerator.backward(step(**batch)["loss"])
    torch.save(net.seen, f"{folder}/{rank}.pt")


def trained_by_hf(rank: int, folder: str, world: int, make: Callable[..., EpochSampler] = sampler) -> None:
    from transformers import Trainer, TrainingArguments

    ports(rank, folder, world)

    class Sampled(Trainer):
        def _get_train_sampler(self, train_dataset: Any = None) -> EpochSampler:
            return make()

    arguments = TrainingArguments(
        output_dir=f"{folder}/{rank}", use_cpu=True, per_device_train_batch_size=BATCH, num_train_epochs=EPOCHS,
        report_to="none", save_strategy="no", disable_tqdm=True, logging_strategy="no",
    )  # fmt: skip
    assert arguments.world_size == world
    net = Tiny()
    trainer = Sampled(net, arguments, train_dataset=Numbers())
    trainer.train()
    torch.save(net.seen, f"{folder}/{rank}.pt")


def tiny_lightning() -> Any:
    """``Tiny`` as a LightningModule."""
    import lightning

    class Lit(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = Tiny()

        def training_step(self, batch: dict[str, Tensor], number: int) -> Tensor:
            return self.net(**batch)["loss"]

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    return Lit()


def by_lightning(rank: int, folder: str, world: int, make: Callable[..., Any] = sampler) -> None:
    import lightning
    from lightning.pytorch.plugins.environments import LightningEnvironment

    ports(rank, folder, world)

    trainer = lightning.Trainer(
        accelerator="cpu", devices=world, max_epochs=EPOCHS, logger=False, enable_checkpointing=False,
        strategy="ddp" if world > 1 else "auto", enable_progress_bar=False, enable_model_summary=False,
        plugins=[LightningEnvironment()], default_root_dir=folder,
    )  # fmt: skip
    # The loader is made before Lightning starts the ranks.
    lit, loader = tiny_lightning(), DataLoader(Numbers(), batch_size=BATCH, sampler=make())
    trainer.fit(lit, loader)
    assert trainer.world_size == world
    torch.save(lit.net.seen, f"{folder}/{rank}.pt")


def ports(rank: int, folder: str, world: int) -> None:
    """The environment that ``torchrun`` makes."""
    if world > 1:
        port = Path(folder, "port").read_text()
        os.environ.update(
            MASTER_ADDR="127.0.0.1", MASTER_PORT=port, RANK=str(rank), WORLD_SIZE=str(world),
            LOCAL_RANK=str(rank), LOCAL_WORLD_SIZE=str(world), ACCELERATE_USE_CPU="true",
        )  # fmt: skip


def in_turn(rank: int, folder: str, world: int, runs: dict[str, tuple[Any, ...]]) -> None:
    """Several trainings in one process, each with a folder of its own: to import a framework takes longest of all."""
    for name, (run, *rest) in runs.items():
        own = Path(folder, name)
        own.mkdir(exist_ok=True)
        shutil.copy(Path(folder, "port"), own)
        run(rank, str(own), world, *rest)


def seen_by(folder: Path, world: int, **runs: tuple[Any, ...]) -> dict[str, list[list[list[int]]]]:
    """What each rank saw under each of ``runs``, one after the other in ``world`` processes of their own."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        (folder / "port").write_text(str(s.getsockname()[1]))
    on_ranks(in_turn, world, str(folder), world, runs, join=False)
    return {name: [torch.load(folder / name / f"{r}.pt") for r in range(world)] for name in runs}


@pytest.mark.parametrize("world", [1, 2])
def test_plain_pytorch(tmp_path: Path, world: int) -> None:
    check(seen_by(tmp_path, world, plain=(plain,))["plain"])


def interrupted_hf(rank: int, folder: str, world: int) -> None:
    """Stop in the middle of the second epoch, and go on from the checkpoint in a new trainer."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    stop = N // BATCH + 5

    class Sampled(Trainer):
        def _get_train_sampler(self, train_dataset: Any = None) -> EpochSampler:
            return sampler()

    class Stop(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            control.should_training_stop = state.global_step == stop

    arguments = TrainingArguments(
        output_dir=f"{folder}/out", use_cpu=True, per_device_train_batch_size=BATCH, num_train_epochs=EPOCHS,
        report_to="none", save_strategy="steps", save_steps=stop, disable_tqdm=True, logging_strategy="no",
    )  # fmt: skip
    first, second = Tiny(), Tiny()
    Sampled(first, arguments, train_dataset=Numbers(), callbacks=[Stop()]).train()
    assert len(first.seen) == stop
    Sampled(second, arguments, train_dataset=Numbers()).train(
        resume_from_checkpoint=f"{folder}/out/checkpoint-{stop}"
    )
    torch.save(first.seen + second.seen, f"{folder}/{rank}.pt")


def interrupted_lightning(rank: int, folder: str, world: int, kept: bool = True, workers: int = 0) -> None:
    """Stop in the middle of the second epoch, and go on from the checkpoint with a new trainer, net and sampler."""
    import lightning
    from lightning.pytorch.callbacks import ModelCheckpoint
    from lightning.pytorch.plugins.environments import LightningEnvironment

    ports(rank, folder, world)
    stop = -(-N // (BATCH * world)) + 2

    class Position(lightning.Callback):
        """Where the epoch stands, in the checkpoint: what docs/sampling.md shows."""

        def __init__(self, of: EpochSampler) -> None:
            self.of, self.steps = of, 0

        def on_train_epoch_start(self, *_: Any) -> None:
            self.steps = 0

        def on_train_batch_end(self, *_: Any) -> None:
            self.steps += 1

        def state_dict(self) -> dict[str, Any]:
            return self.of.state_dict(consumed=self.steps * BATCH)

        def load_state_dict(self, state: dict[str, Any]) -> None:
            if kept:
                self.of.load_state_dict(state)

    def train(steps: int, path: str | None, *keep: Any) -> list[list[int]]:
        own = sampler()
        trainer = lightning.Trainer(
            accelerator="cpu", devices=world, max_epochs=EPOCHS, max_steps=steps, logger=False,
            strategy="ddp" if world > 1 else "auto", enable_progress_bar=False, enable_model_summary=False,
            plugins=[LightningEnvironment()], default_root_dir=folder,
            callbacks=[Position(own), *keep],
        )  # fmt: skip
        lit = tiny_lightning()
        loader = DataLoader(
            Numbers(), batch_size=BATCH, sampler=own, num_workers=workers,
            multiprocessing_context="fork" if workers else None,  # where this process was spawned, so would they be
        )  # fmt: skip
        trainer.fit(lit, loader, ckpt_path=path)
        return lit.net.seen

    before = train(
        stop,
        None,
        ModelCheckpoint(dirpath=folder, filename="middle", every_n_train_steps=stop, save_top_k=-1),
    )
    assert len(before) == stop
    torch.save(before + train(-1, f"{folder}/middle.ckpt"), f"{folder}/{rank}.pt")


def dealt_twice(**where: Any) -> EpochSampler:
    """What went wrong before: a sampler that takes its share although Accelerate will take one too."""
    from longtail.samplers import epoch

    epoch.ranks = lambda: (dist.get_world_size(), dist.get_rank()) if dist.is_initialized() else (1, 0)
    return sampler()


class NotDistributed(torch.utils.data.Sampler):
    """The same indices under another type: Lightning wraps it in a sampler of its own."""

    def __init__(self) -> None:
        self.inner = sampler()

    def set_epoch(self, epoch: int) -> None:
        self.inner.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.inner)

    def __iter__(self) -> Any:
        return iter(self.inner)


@pytest.fixture(scope="module", params=[1, 2])
def lightning(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Lightning showed to one process, or to two."""
    pytest.importorskip("lightning")
    runs: dict[str, tuple[Any, ...]] = {"whole": (by_lightning,), "resumed": (interrupted_lightning,)}
    if request.param == 1:
        runs |= {"workers": (interrupted_lightning, True, 2), "lost": (interrupted_lightning, False)}
    else:
        runs |= {"wrapped": (by_lightning, NotDistributed)}
    return seen_by(tmp_path_factory.mktemp("lightning"), request.param, **runs)


def test_lightning(lightning: dict[str, Any]) -> None:
    check(lightning["whole"])


def test_lightning_goes_on_in_the_middle_of_an_epoch(lightning: dict[str, Any]) -> None:
    check(lightning["resumed"])
    if "workers" in lightning:
        check(lightning["workers"])


def test_a_lightning_that_wraps_the_sampler_or_loses_the_position_would_be_noticed(
    lightning: dict[str, Any],
) -> None:
    with pytest.raises(AssertionError):
        check(lightning["lost" if "lost" in lightning else "wrapped"])


@pytest.fixture(scope="module", params=[1, 2])
def hugging_face(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the Trainer and Accelerate, on which it stands, showed to one process, or to two."""
    pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    runs: dict[str, tuple[Any, ...]] = {"trainer": (trained_by_hf,)}
    runs |= {"resumed": (interrupted_hf,)} if request.param == 1 else {}
    runs |= {"accelerate": (accelerated,)}
    runs |= (
        {"dealt twice": (accelerated, dealt_twice)} if request.param == 2 else {}
    )  # spoils what comes after
    return seen_by(tmp_path_factory.mktemp("hugging-face"), request.param, **runs)


def test_accelerate(hugging_face: dict[str, Any]) -> None:
    check(hugging_face["accelerate"], by_batch=True)


def test_the_hf_trainer(hugging_face: dict[str, Any]) -> None:
    check(hugging_face["trainer"], by_batch=True)


@pytest.mark.parametrize("hugging_face", [1], indirect=True)
def test_the_hf_trainer_goes_on_in_the_middle_of_an_epoch(hugging_face: dict[str, Any]) -> None:
    check(hugging_face["resumed"], by_batch=True)


@pytest.mark.parametrize("hugging_face", [2], indirect=True)
def test_a_sampler_dealt_out_twice_would_be_noticed(hugging_face: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        check(hugging_face["dealt twice"], by_batch=True)


@pytest.mark.parametrize("framework", ["lightning", "transformers"])
def test_the_page_s_example_runs(framework: str, tmp_path: Path) -> None:
    """docs/sampling.md has its framework examples in blocks of their own, since not everyone has the frameworks."""
    import re
    import subprocess
    import sys

    pytest.importorskip(framework)
    page = (Path(__file__).parents[3] / "docs" / "sampling.md").read_text(encoding="utf-8")
    blocks = [b for b in re.findall(r"^```py\n(.*?)^```", page, flags=re.M | re.S) if framework in b]
    assert len(blocks) == 1
    run = [sys.executable, "-c", blocks[0]]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_it_is_a_distributed_sampler_with_its_attributes() -> None:
    one = sampler(num_replicas=3, rank=1)
    assert isinstance(one, DistributedSampler)
    assert (one.num_samples, one.total_size, one.shuffle) == (len(one), 3 * len(one), True)


def test_deferral_by_switch() -> None:
    """DRS in a loop of one's own: parts over progress, as a stage's streams hold them."""
    drs = EpochSampler(LABELS, switch({0: part(Shuffled), 0.5: part(ClassBalanced)}), epochs=4)
    assert torch.equal(drs.stream_prior(0.0), LABELS.prior)
    assert drs.stream_prior(0.5).tolist() == [0.25] * 4
    for epoch, of in enumerate((Shuffled(), Shuffled(), ClassBalanced(), ClassBalanced())):
        drs.set_epoch(epoch)
        alone = EpochSampler(LABELS, of, epochs=4)
        alone.set_epoch(epoch)
        assert list(drs) == list(alone)
    with pytest.raises(ValueError, match="epochs=None"):
        EpochSampler(LABELS, switch({0: part(Shuffled), 0.5: part(ClassBalanced)}))
