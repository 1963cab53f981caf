"""Question: what a comparison is asked, and how its runs become results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from longtail.catalogue import about
from longtail.clock import today
from longtail.comparison.counted import counted, joined
from longtail.comparison.curves import curves
from longtail.comparison.evidence import evidence
from longtail.comparison.kept import worst
from longtail.comparison.plan import Plan
from longtail.comparison.record import Results, Run
from longtail.comparison.results import results_of
from longtail.comparison.unknown import unknown
from longtail.comparison.work import Worker
from longtail.data import Dataset, FeatureEncoder
from longtail.protocol import Backbone
from longtail.run.loop import On
from longtail.store import Store


@dataclass(frozen=True, eq=False)
class Question:
    """What is compared, and how that is said in the results.

    Attributes:
        plan: what runs do.
        data: all rows as they were given: the plan's own rows are features of them where an encoder is frozen.
        encoder: the frozen encoder that made the plan's rows.
        backbone: as the caller said it.
        path: of the data, or their name.
        baseline: that the caller wants; the plan's is one of its own recipes.
        metric: that recipes are ranked by; None is that of the prior.
        jobs, budget, command: as the caller said them.
        notes: on the data and the folds.
        rows: may rows of the data stand in the results, with the most certain mistakes?
        unknown: are recipes also judged under priors that they are not told?
    """

    plan: Plan
    data: Dataset
    encoder: FeatureEncoder | None
    backbone: Backbone
    path: str
    baseline: str
    metric: str | None
    jobs: int
    budget: float | None
    command: str | None
    notes: tuple[str, ...] = ()
    rows: bool = True
    unknown: bool = False

    def results(self, runs: Sequence[Run]) -> Results:
        """The runs as results, without tests and without a model."""
        begun = {run.recipe for run in runs}
        described = {name: about(name, recipe) for name, recipe in self.plan.recipes if name in begun}
        made = results_of(
            self.plan, runs, self.path, self.jobs, self.budget, self.command, described, today()
        )
        settings = replace(made.settings, metric=self.metric)
        if self.encoder is not None:
            settings = replace(settings, backbone=str(self.backbone))
        data = replace(
            made.data,
            fingerprint=self.data.fingerprint,
            kind=self.data.kind,
            notes=(*made.data.notes, *self.notes),
            asked=dict(self.data.asked),
        )
        return made.but(data=data, settings=settings)

    def answer(self, runs: Sequence[Run], found: Results | None, store: Store, say: On) -> Results:
        """The results with what follows from all that was said of the test rows (tests of differences, curves, the most
        certain mistakes): of the runs that count, and of the recipes of an earlier call whose table this goes on with.
        """
        runs, unfinished = counted(list(runs), self.plan.cells, self.budget)
        results = self.results(runs)
        if found is not None:
            results, more = joined(results, found, Worker(self.plan, store).judged_again)
            if more:
                say({"note": f"from an earlier call, in the same table: {', '.join(more)}"})
            if self.baseline in results.recipes:
                results = results.but(settings=replace(results.settings, baseline=self.baseline))
        results = results.but(left_out=unfinished)
        results = results.but(evidence=evidence(self.plan, results, store.outputs))
        return results.but(
            curves=curves(self.plan, results, store.outputs),
            unknown=unknown(self.plan, results, store.outputs) if self.unknown else {},
            mistakes=worst(results, store.outputs, self.data.raw, self.data.costs_of) if self.rows else (),
        )
