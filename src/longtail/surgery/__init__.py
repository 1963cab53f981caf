"""Surgery: a net in, a net out; the argument is never changed."""

from longtail.surgery.add import AddAlignment, AddScale
from longtail.surgery.add_memory import AddMemory
from longtail.surgery.class_means import ClassMeans
from longtail.surgery.cosine_means import CosineMeans
from longtail.surgery.swap import ResetHead, SwapHead
from longtail.surgery.tau_normalize import TauNormalize, tau_normalize

__all__ = [
    "AddAlignment",
    "AddMemory",
    "AddScale",
    "ClassMeans",
    "CosineMeans",
    "ResetHead",
    "SwapHead",
    "TauNormalize",
    "tau_normalize",
]
