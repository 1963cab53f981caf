"""Backbones: inputs -> features. One file each; ``out_features`` is the width of what comes out."""

from longtail.backbones.attended import Attended
from longtail.backbones.bag_of_words import BagOfWords
from longtail.backbones.identity import Identity
from longtail.backbones.mlp import MLP
from longtail.backbones.resnet_cifar import Normalize, ResNetCIFAR
from longtail.backbones.resnet_experts import ResNetBranch, ResNetTrunk

__all__ = [
    "MLP",
    "Attended",
    "BagOfWords",
    "Identity",
    "Normalize",
    "ResNetBranch",
    "ResNetCIFAR",
    "ResNetTrunk",
]
