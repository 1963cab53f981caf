"""Run: the training loop, the chain of stages, the engine and the outcome."""

from longtail.run.chain import train, train_stages
from longtail.run.engine import Engine, OutOfTime
from longtail.run.loop import Probe, ignore, infer, run_stage
from longtail.run.outcome import Outcome
from longtail.store import Cache

__all__ = [
    "Cache",
    "Engine",
    "OutOfTime",
    "Outcome",
    "Probe",
    "ignore",
    "infer",
    "run_stage",
    "train",
    "train_stages",
]
