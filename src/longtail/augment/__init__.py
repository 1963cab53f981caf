"""Augmentation: ``(x, generator) -> x`` on a batch of images, a draw for each; range 0..255 in and out."""

from longtail.augment.crop_flip import CropFlip

__all__ = ["CropFlip"]
