"""Backbones: inputs -> features. One file each; ``out_features`` is the width of what comes out."""

from longtail.backbones.resnet_cifar import Normalize, ResNetCIFAR

__all__ = ["Normalize", "ResNetCIFAR"]
