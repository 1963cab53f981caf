"""Page and terminal say which recipes' prior was fitted for want of a closed form."""

from __future__ import annotations

from specimen import changed, specimen

from longtail.comparison.record import Run
from longtail.report import render, show


def test_a_fitted_prior_is_said() -> None:
    from rich.console import Console

    for fitted in ((), ("focal",)):

        def source(run: Run, fitted: tuple[str, ...] = fitted) -> Run:
            return run.but(prior_source="fitted" if run.recipe in fitted else "closed form")

        results = changed(specimen(), source)
        console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
        show(results, console)
        said = console.export_text()
        assert ("Prior fitted on held-out rows, for want of a closed form: " in said) == bool(fitted)
        assert render(results).count(">prior fitted<") == 2 * len(fitted)  # once under each prior
