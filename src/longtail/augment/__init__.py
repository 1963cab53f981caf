"""Augmentation: ``(x, generator) -> x`` on a batch of images, a draw for each; range 0..255 in and out."""

from longtail.augment.auto_augment import AutoAugment
from longtail.augment.cam_images import CAMImages
from longtail.augment.compose import Compose, Views
from longtail.augment.corrupt import Corrupt
from longtail.augment.crop_flip import CropFlip
from longtail.augment.cutout import Cutout
from longtail.augment.feature_cloud import FeatureCloud
from longtail.augment.foreground import activation_maps, move_foreground
from longtail.augment.rand_augment import RandAugment
from longtail.augment.simclr import SimCLRView
from longtail.augment.suited import Suited

__all__ = [
    "AutoAugment",
    "CAMImages",
    "Compose",
    "Corrupt",
    "CropFlip",
    "Cutout",
    "FeatureCloud",
    "RandAugment",
    "SimCLRView",
    "Suited",
    "Views",
    "activation_maps",
    "move_foreground",
]

PARTS = (
    AutoAugment, CAMImages, Compose, Corrupt, CropFlip, Cutout, FeatureCloud, RandAugment, SimCLRView, Suited, Views,
)  # fmt: skip
"""What a file may name of this room (``longtail.rooms.SLOTS``)."""
