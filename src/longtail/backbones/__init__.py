"""Backbones: inputs -> features. One file each; ``out_features`` is the width of what comes out."""

from longtail.backbones.attended import Attended
from longtail.backbones.bag_of_words import BagOfWords
from longtail.backbones.identity import Identity
from longtail.backbones.mlp import MLP
from longtail.backbones.pretrained import Pretrained, as_pretrained
from longtail.backbones.resnet_branches import ResNetBranch, ResNetTrunk
from longtail.backbones.resnet_cifar import Normalize, ResNetCIFAR
from longtail.backbones.text_model import TextModel
from longtail.backbones.timm_model import TimmModel
from longtail.backbones.token_model import TokenModel
from longtail.backbones.vision_model import VisionModel

__all__ = [
    "MLP", "Attended", "BagOfWords", "Identity", "Normalize", "Pretrained", "ResNetBranch", "ResNetCIFAR", "ResNetTrunk",
    "TextModel", "TimmModel", "TokenModel", "VisionModel", "as_pretrained",
]  # fmt: skip

PARTS = (
    MLP, Attended, BagOfWords, Identity, ResNetBranch, ResNetCIFAR, ResNetTrunk, TextModel, TimmModel, TokenModel,
    VisionModel,
)  # fmt: skip
"""What a file may name of this room (``longtail.rooms.SLOTS``)."""
