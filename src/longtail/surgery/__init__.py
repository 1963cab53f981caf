"""Surgery: a net in, a net out; the argument is never changed."""

from longtail.surgery.add import AddAlignment, AddScale
from longtail.surgery.add_attention import AddAttention
from longtail.surgery.add_branches import AddBranches
from longtail.surgery.add_experts import AddExperts
from longtail.surgery.add_memory import AddMemory
from longtail.surgery.change_experts import AddRouters, WeighExperts
from longtail.surgery.class_means import ClassMeans
from longtail.surgery.cosine_means import CosineMeans
from longtail.surgery.remove_mean import RemoveMean
from longtail.surgery.swap import ResetHead, SwapHead
from longtail.surgery.tau_normalize import TauNormalize, tau_normalize

__all__ = [
    "AddAlignment",
    "AddAttention",
    "AddBranches",
    "AddExperts",
    "AddMemory",
    "AddRouters",
    "AddScale",
    "ClassMeans",
    "CosineMeans",
    "RemoveMean",
    "ResetHead",
    "SwapHead",
    "TauNormalize",
    "WeighExperts",
    "tau_normalize",
]

PARTS = (
    AddAlignment, AddAttention, AddBranches, AddExperts, AddMemory, AddRouters, AddScale, ClassMeans, CosineMeans,
    RemoveMean, ResetHead, SwapHead, TauNormalize, WeighExperts,
)  # fmt: skip
"""What a file may name of this room (``longtail.rooms.SLOTS``)."""
