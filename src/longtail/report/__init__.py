"""Report: the results of a comparison to look at, in the terminal and as one self-contained HTML page.

Rich, jinja2 and matplotlib are imported inside the functions that need them.
"""

from longtail.report.html import render, write_report
from longtail.report.terminal import show

__all__ = ["render", "show", "write_report"]
