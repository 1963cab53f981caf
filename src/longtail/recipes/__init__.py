"""Recipes: one file per paper, data only. A recipe is a function from a base stage (the protocol) to a
Recipe.
"""

from longtail.recipes.bag_of_tricks import bag_of_tricks
from longtail.recipes.bags import bags
from longtail.recipes.balanced_softmax import balanced_softmax
from longtail.recipes.balms import balms
from longtail.recipes.bbn import bbn
from longtail.recipes.bcl import bcl
from longtail.recipes.cb_focal import cb_focal
from longtail.recipes.cdt import cdt
from longtail.recipes.class_balanced_sampling import class_balanced_sampling
from longtail.recipes.combined import combined
from longtail.recipes.cost_sensitive import cost_sensitive
from longtail.recipes.crt import crt
from longtail.recipes.cutmix import cutmix
from longtail.recipes.decoupled_joint import decoupled_joint
from longtail.recipes.dice import dice
from longtail.recipes.disalign import disalign
from longtail.recipes.dive import dive
from longtail.recipes.drs import drs
from longtail.recipes.drw import drw
from longtail.recipes.dsc import dsc
from longtail.recipes.effective_number import effective_number
from longtail.recipes.eql import eql
from longtail.recipes.eql_v2 import eql_v2
from longtail.recipes.erm import erm
from longtail.recipes.fine_tune_balanced import fine_tune_balanced
from longtail.recipes.focal import focal
from longtail.recipes.ghm import ghm
from longtail.recipes.glmc import glmc
from longtail.recipes.glmc_max_norm import glmc_max_norm
from longtail.recipes.gpaco import gpaco
from longtail.recipes.hybrid_psc import hybrid_psc
from longtail.recipes.hybrid_sc import hybrid_sc
from longtail.recipes.influence_balanced import influence_balanced
from longtail.recipes.label_smoothing import label_smoothing
from longtail.recipes.lade import lade
from longtail.recipes.ldam import ldam
from longtail.recipes.ldam_drw import ldam_drw
from longtail.recipes.leap import leap
from longtail.recipes.lfme import lfme
from longtail.recipes.lift import lift
from longtail.recipes.logit_adjustment import logit_adjustment
from longtail.recipes.lws import lws
from longtail.recipes.m2m import m2m
from longtail.recipes.mamix import mamix
from longtail.recipes.mamix_drw import mamix_drw
from longtail.recipes.manifold_mixup import manifold_mixup
from longtail.recipes.mislas import mislas
from longtail.recipes.mixup import mixup
from longtail.recipes.mixup_drw import mixup_drw
from longtail.recipes.ncl import ncl
from longtail.recipes.ncl_contrast import ncl_contrast
from longtail.recipes.ncm import ncm
from longtail.recipes.oltr import oltr
from longtail.recipes.paco import paco
from longtail.recipes.proco import proco
from longtail.recipes.progressive_sampling import progressive_sampling
from longtail.recipes.pseudo_labels import pseudo_labels
from longtail.recipes.remix import remix
from longtail.recipes.remix_drw import remix_drw
from longtail.recipes.repeat_factor_sampling import repeat_factor_sampling
from longtail.recipes.ride import ride
from longtail.recipes.ride_distilled import ride_distilled
from longtail.recipes.sade import sade
from longtail.recipes.sam import sam
from longtail.recipes.seesaw import seesaw
from longtail.recipes.softmax_eql import softmax_eql
from longtail.recipes.square_root_sampling import square_root_sampling
from longtail.recipes.ssp_moco import ssp_moco
from longtail.recipes.ssp_rotation import ssp_rotation
from longtail.recipes.swa import swa
from longtail.recipes.tau_norm import tau_norm
from longtail.recipes.tde import tde
from longtail.recipes.vs_loss import vs_loss
from longtail.recipes.weight_balancing import weight_balancing
from longtail.recipes.weighted_ce import weighted_ce

ALL = (
    erm, weighted_ce, cost_sensitive, effective_number, class_balanced_sampling, square_root_sampling,
    repeat_factor_sampling, progressive_sampling, label_smoothing, mixup, cutmix, manifold_mixup, remix, mamix,
    mixup_drw, remix_drw, mamix_drw, focal, cb_focal, ghm, dice, dsc, seesaw, eql, softmax_eql, eql_v2,
    balanced_softmax, lade, vs_loss, cdt, ldam, drw, drs, ldam_drw, influence_balanced, logit_adjustment,
    tau_norm, ncm, crt, lws, balms, decoupled_joint, disalign, bags, mislas, fine_tune_balanced, weight_balancing,
    bag_of_tricks, tde, m2m, bbn, hybrid_sc, hybrid_psc, paco, gpaco, bcl, proco, ncl, ncl_contrast,
    glmc, glmc_max_norm, ssp_rotation, ssp_moco, pseudo_labels, oltr, lfme, dive, leap, ride, ride_distilled, sade,
    sam, swa, combined, lift,
)  # fmt: skip
"""Every recipe of the house, in the order tables show them."""

__all__ = ["ALL", *(f.__name__ for f in ALL)]
