"""The command line. Each command is the function of that name in ``longtail.api``; here options are read and printed."""

from longtail.cli.app import app
from longtail.cli.comparing import compare
from longtail.cli.drawing import figures
from longtail.cli.entry import main
from longtail.cli.looking import clean, inspect, mistakes, recipes
from longtail.cli.models import adjust, predict, train
from longtail.cli.published import bench

for call in (
    compare,
    mistakes,
    train,
    predict,
    adjust,
    inspect,
    figures,
    recipes,
    clean,
    bench,
):  # as shown in --help
    app.command("errors" if call is mistakes else None)(call)

__all__ = ["app", "main"]
