"""Page and terminal say which recipes' prior was fitted for want of a closed form."""

from __future__ import annotations

from specimen import specimen

from longtail.report import render, show


def test_a_fitted_prior_is_said() -> None:
    from rich.console import Console

    results = specimen()
    for fitted in ((), ("focal",)):
        for run in results["runs"]:
            run["prior_source"] = "fitted" if run["recipe"] in fitted else "closed form"
        console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
        show(results, console)
        said = console.export_text()
        assert ("Prior fitted on held-out rows, for want of a closed form: " in said) == bool(fitted)
        assert render(results).count(">prior fitted<") == 2 * len(fitted)  # once under each prior
